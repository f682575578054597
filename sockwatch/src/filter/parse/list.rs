//! The grammar: lists of terms, parentheses, predicates and their comparisons.

use super::mistakes::{self, Before};
use super::mixed::Joins;
use crate::filter::error::{Diagnostic, FilterError};
use crate::filter::expr::{Compare, Expr};
use crate::filter::lex::{At, Text, Token};
use crate::filter::value::{self, HostName, Made, Names};
use crate::filter::words::{Comparisons, Keyword, Predicate};

/// How deep an expression may be: what walks it later does so by recursion.
pub(in crate::filter) const DEEPEST: usize = 128;

/// An expression whose hosts have no addresses yet.
pub(super) struct Parsed<'t> {
    pub(super) expr: Expr,
    /// In the order of the terms.
    pub(super) pending: Vec<Pending<'t>>,
    pub(super) warning: Option<Diagnostic>,
}

/// A host that has to be looked up.
pub(super) struct Pending<'t> {
    pub(super) host: HostName<'t>,
    pub(super) at: At,
    /// Which term of the expression, counted from 0.
    pub(super) term: usize,
}

/// What joins two terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
}

/// An expression, and how many levels are in it.
struct Tree {
    expr: Expr,
    height: usize,
}

pub(super) struct Parser<'i, 'a, 'n> {
    text: &'i Text<'a>,
    tokens: &'i [Token<'a>],
    /// The next token.
    next: usize,
    names: Names<'n>,
    /// Parentheses and nots around the next token.
    depth: usize,
    terms: usize,
    pending: Vec<Pending<'i>>,
    warning: Option<Diagnostic>,
    /// The predicate before the next token, for hints.
    latest: Option<Predicate>,
}

impl<'i, 'a, 'n> Parser<'i, 'a, 'n> {
    pub(super) fn new(text: &'i Text<'a>, tokens: &'i [Token<'a>], names: Names<'n>) -> Self {
        Self {
            text,
            tokens,
            next: 0,
            names,
            depth: 0,
            terms: 0,
            pending: Vec::new(),
            warning: None,
            latest: None,
        }
    }

    pub(super) fn parse(mut self) -> Result<Parsed<'i>, FilterError> {
        let mut expr = Expr::EVERYTHING;
        if !self.tokens.is_empty() {
            expr = self.list(Before::Nothing)?.expr;
        }
        if let Some(stray) = self.peek() {
            return Err(self.text.error(stray.at, mistakes::stray_parenthesis()));
        }
        Ok(Parsed {
            expr,
            pending: self.pending,
            warning: self.warning,
        })
    }

    fn peek(&self) -> Option<&'i Token<'a>> {
        self.tokens.get(self.next)
    }

    /// One term or more, until a closing parenthesis or the end.
    fn list(&mut self, before: Before<'_>) -> Result<Tree, FilterError> {
        let mut begins = self.next;
        let mut tree = self.term(before)?;
        let mut joins = Joins::of(begins..self.next);
        let mut latest = None;
        while let Some(token) = self.peek() {
            let keyword = token.keyword();
            let join = match keyword {
                Some(Keyword::Close) => break,
                Some(Keyword::Or) => Join::Or,
                _ => Join::And,
            };
            let written = matches!(keyword, Some(Keyword::And | Keyword::Or)).then_some(token);
            self.next += usize::from(written.is_some());
            begins = self.next;
            let before = written.map_or(Before::Term, |word| Before::Word(&word.text));
            let term = self.term(before)?;
            tree = tree.joined(join, term, latest == Some(join));
            latest = Some(join);
            joins.add(join, token.at, begins..self.next);
            self.check_height(tree.height, token)?;
        }
        if self.warning.is_none() {
            self.warning = joins.warning(self.text, self.tokens);
        }
        Ok(tree)
    }

    /// One term.
    fn term(&mut self, before: Before<'_>) -> Result<Tree, FilterError> {
        let Some(token) = self.peek() else {
            return Err(self
                .text
                .error(self.text.end(), mistakes::missing_term(before)));
        };
        self.next += 1;
        match token.keyword() {
            Some(Keyword::Not) => {
                let tree = self.deeper(token, |parser| parser.term(Before::Word(&token.text)))?;
                self.check_height(tree.height + 1, token)?;
                Ok(Tree {
                    expr: Expr::Not(Box::new(tree.expr)),
                    height: tree.height + 1,
                })
            }
            Some(Keyword::Open) => {
                let tree = self.deeper(token, |parser| parser.list(Before::Open))?;
                if self.peek().is_none() {
                    return Err(self.text.error(token.at, mistakes::unclosed_parenthesis()));
                }
                self.next += 1;
                Ok(tree)
            }
            Some(Keyword::Predicate(predicate)) => self.predicate(predicate, token),
            None => match Predicate::of(&token.text) {
                Some(ours) => self.predicate(ours, token),
                None => Err(self.no_term(token, before)),
            },
            _ => Err(self.no_term(token, before)),
        }
    }

    fn no_term(&self, token: &'i Token<'a>, before: Before<'_>) -> FilterError {
        let following = self.peek().map(|token| &*token.text);
        let wrong = mistakes::no_term(token, before, following, self.latest);
        self.text.error(token.part(wrong.part), wrong)
    }

    /// Parses what is one level deeper.
    fn deeper(
        &mut self,
        token: &Token<'_>,
        parse: impl FnOnce(&mut Self) -> Result<Tree, FilterError>,
    ) -> Result<Tree, FilterError> {
        self.depth += 1;
        self.check_height(self.depth, token)?;
        let tree = parse(self)?;
        self.depth -= 1;
        Ok(tree)
    }

    fn check_height(&self, height: usize, token: &Token<'_>) -> Result<(), FilterError> {
        if height <= DEEPEST {
            return Ok(());
        }
        Err(self.text.error(token.at, mistakes::too_deep(DEEPEST)))
    }

    /// A predicate, its comparison and its value; `word` is the predicate's, already taken.
    fn predicate(
        &mut self,
        predicate: Predicate,
        word: &'i Token<'a>,
    ) -> Result<Tree, FilterError> {
        self.latest = Some(predicate);
        let compare = self.compare(predicate)?;
        let made = if predicate.comparisons() == Comparisons::None {
            value::made(predicate, compare, "", &mut self.names)
                .map_err(|wrong| self.text.error(word.at, wrong))?
        } else {
            let token = self.value(predicate, word)?;
            let following = self.peek().filter(|token| token.keyword().is_none());
            let made = value::made(predicate, compare, &token.text, &mut self.names);
            made.map_err(|wrong| {
                let text = &token.text;
                let value = following.map(|token| &*token.text);
                let wrong = mistakes::with_operator_hint(predicate, text, value, wrong);
                self.text.error(token.part(wrong.part), wrong)
            })?
        };
        Ok(self.counted(made))
    }

    /// Gives the term its number.
    fn counted(&mut self, made: Made<'i>) -> Tree {
        if let Some(host) = made.host {
            let at = self.tokens[self.next - 1].part(host.name);
            self.pending.push(Pending {
                host,
                at,
                term: self.terms,
            });
        }
        self.terms += 1;
        let height = usize::from(!matches!(made.expr, Expr::Term(_)));
        Tree {
            expr: made.expr,
            height,
        }
    }

    /// The comparison, `=` when there is none.
    fn compare(&mut self, predicate: Predicate) -> Result<Compare, FilterError> {
        let Some((token, Some(Keyword::Compare(compare)))) =
            self.peek().map(|token| (token, token.keyword()))
        else {
            return Ok(Compare::Eq);
        };
        // `comm \=` asks for a process with that name. To ss the backslash is nothing.
        if predicate.is_ours() && token.is_escaped() {
            return Ok(Compare::Eq);
        }
        self.next += 1;
        if predicate.comparisons().take(compare) {
            return Ok(compare);
        }
        let value = self.peek().map(|token| &*token.text);
        let wrong = mistakes::no_comparison(predicate, compare, &token.text, value);
        Err(self.text.error(token.at, wrong))
    }

    /// The token after a predicate and its comparison. A keyword is never a value; a predicate of
    /// ours takes it with a backslash.
    fn value(
        &mut self,
        predicate: Predicate,
        word: &Token<'a>,
    ) -> Result<&'i Token<'a>, FilterError> {
        let Some(token) = self.peek() else {
            let wrong = mistakes::missing_value(predicate, &word.text);
            return Err(self.text.error(self.text.end(), wrong));
        };
        let quoted = predicate.is_ours() && token.is_escaped();
        if let Some(keyword) = token.keyword().filter(|_| !quoted) {
            let following = self.tokens.get(self.next + 1).map(|token| &*token.text);
            let wrong = mistakes::keyword_as_value(predicate, keyword, &token.text, following);
            return Err(self.text.error(token.at, wrong));
        }
        self.next += 1;
        Ok(token)
    }
}

impl Tree {
    /// Adds a term on the right. `same`: this was made by joins of the same kind alone, without
    /// parentheses around them, so the term belongs into the same list.
    fn joined(self, join: Join, term: Self, same: bool) -> Self {
        let (mut list, height) = match self.expr {
            Expr::And(list) | Expr::Or(list) if same => (list, self.height),
            expr => (vec![expr], self.height + 1),
        };
        list.push(term.expr);
        let expr = match join {
            Join::And => Expr::And(list),
            Join::Or => Expr::Or(list),
        };
        Self {
            expr,
            height: height.max(term.height + 1),
        }
    }
}
