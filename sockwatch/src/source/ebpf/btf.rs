//! Just enough BTF to find where this kernel keeps a field.
//!
//! One pass over the type section records where each type begins; a lookup then walks members by
//! name. No types are built. Format: `Documentation/bpf/btf.rst`, `include/uapi/linux/btf.h`.

use thiserror::Error;

const MAGIC: u16 = 0xeb9f;
const KIND_INT: u32 = 1;
const KIND_PTR: u32 = 2;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_TYPEDEF: u32 = 8;
const KIND_VOLATILE: u32 = 9;
const KIND_CONST: u32 = 10;
const KIND_RESTRICT: u32 = 11;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;
const KIND_DECL_TAG: u32 = 17;
const KIND_TYPE_TAG: u32 = 18;
const KIND_ENUM64: u32 = 19;
/// The last kind this parser can step over.
const KIND_MAX: u32 = 19;
/// Longest chain of typedefs and qualifiers, and deepest nest of anonymous members, that is
/// followed; real ones have fewer than ten links.
const MAX_DEPTH: u32 = 32;

/// Why BTF could not be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BtfError {
    /// It ends before something that its header promises.
    #[error("BTF ends within {0}")]
    Short(&'static str),
    /// It does not begin as BTF of this machine's byte order does.
    #[error("not BTF: it begins with {0:#06x}")]
    Magic(u16),
    /// A newer kind of type, of unknown length.
    #[error("BTF has a type of unknown kind {0}")]
    Kind(u32),
}

/// A field: where it lies in its structure, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bytes from the begin of the structure.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

/// The types of a kernel.
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where type `id` begins in `types`; entry 0 is `void` and not used.
    begins: Vec<u32>,
}

/// The fixed part of a type.
#[derive(Clone, Copy)]
struct Type {
    name: u32,
    kind: u32,
    vlen: u32,
    /// For structures: member offsets carry bit-field sizes.
    kind_flag: bool,
    size_or_id: u32,
    /// Where what follows the fixed part begins.
    rest: usize,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*word))
}

impl<'a> Btf<'a> {
    /// Reads the header and finds the begin of each type.
    ///
    /// # Errors
    /// When the bytes are not BTF, end early, or hold a kind of type of unknown length.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BtfError> {
        let magic = bytes
            .first_chunk::<2>()
            .ok_or(BtfError::Short("its header"))?;
        let magic = u16::from_ne_bytes(*magic);
        if magic != MAGIC {
            return Err(BtfError::Magic(magic));
        }
        let word = |at| {
            u32_at(bytes, at)
                .map(|w| w as usize)
                .ok_or(BtfError::Short("its header"))
        };
        let header_len = word(4)?;
        let section = |offset: usize, len: usize, what| {
            let begin = header_len.checked_add(offset);
            let range = begin.and_then(|b| Some(b..b.checked_add(len)?));
            range
                .and_then(|range| bytes.get(range))
                .ok_or(BtfError::Short(what))
        };
        let types = section(word(8)?, word(12)?, "its types")?;
        let strings = section(word(16)?, word(20)?, "its strings")?;
        let mut btf = Self {
            types,
            strings,
            begins: vec![0],
        };
        let mut at = 0;
        while at < types.len() {
            let ty = btf.type_at(at).ok_or(BtfError::Short("a type"))?;
            btf.begins.push(u32::try_from(at).unwrap_or(u32::MAX));
            at = ty.rest + ty.rest_len().ok_or(BtfError::Kind(ty.kind))?;
        }
        Ok(btf)
    }

    /// The structures with these names, in the same order, in one pass.
    pub fn structs<const N: usize>(&self, names: [&str; N]) -> [Option<Struct<'_>>; N] {
        let mut found = [None; N];
        for &begin in &self.begins[1..] {
            let Some(ty) = self.type_at(begin as usize) else {
                continue;
            };
            if ty.kind != KIND_STRUCT || ty.name == 0 {
                continue;
            }
            let name = self.string(ty.name);
            for (slot, wanted) in found.iter_mut().zip(names) {
                if slot.is_none() && name == wanted.as_bytes() {
                    *slot = Some(Struct { btf: self, ty });
                }
            }
        }
        found
    }

    /// The id of the function with this name.
    pub fn function(&self, name: &str) -> Option<u32> {
        let is_it = |&begin: &u32| {
            let ty = self.type_at(begin as usize);
            ty.is_some_and(|ty| ty.kind == KIND_FUNC && self.string(ty.name) == name.as_bytes())
        };
        let place = self.begins.iter().skip(1).position(is_it)?;
        u32::try_from(place + 1).ok()
    }

    /// The values of an enumeration and their names; empty where there is none of this name.
    pub fn enumerators(&self, name: &str) -> Vec<(u32, &'a [u8])> {
        let mut types = self.begins.iter().skip(1);
        let found = types.find_map(|&begin| {
            let ty = self.type_at(begin as usize)?;
            (ty.kind == KIND_ENUM && self.string(ty.name) == name.as_bytes()).then_some(ty)
        });
        let Some(ty) = found else {
            return Vec::new();
        };
        let value = |i| {
            let at = ty.rest + 8 * i as usize;
            let name = self.string(u32_at(self.types, at)?);
            Some((u32_at(self.types, at + 4)?, name))
        };
        (0..ty.vlen).filter_map(value).collect()
    }

    fn type_at(&self, at: usize) -> Option<Type> {
        let info = u32_at(self.types, at + 4)?;
        Some(Type {
            name: u32_at(self.types, at)?,
            kind: (info >> 24) & 0x1f,
            vlen: info & 0xffff,
            kind_flag: info >> 31 == 1,
            size_or_id: u32_at(self.types, at + 8)?,
            rest: at + 12,
        })
    }

    fn string(&self, offset: u32) -> &'a [u8] {
        let tail = self.strings.get(offset as usize..).unwrap_or_default();
        tail.split(|&b| b == 0).next().unwrap_or_default()
    }

    /// The type with this id, typedefs and qualifiers stripped.
    fn resolve(&self, mut id: u32) -> Option<Type> {
        for _ in 0..MAX_DEPTH {
            let ty = self.type_at(*self.begins.get(id as usize).filter(|_| id != 0)? as usize)?;
            match ty.kind {
                KIND_TYPEDEF | KIND_VOLATILE | KIND_CONST | KIND_RESTRICT | KIND_TYPE_TAG => {
                    id = ty.size_or_id;
                }
                _ => return Some(ty),
            }
        }
        None
    }

    fn size_of(&self, ty: Type) -> Option<u32> {
        match ty.kind {
            KIND_INT | KIND_STRUCT | KIND_UNION | KIND_ENUM | KIND_ENUM64 => Some(ty.size_or_id),
            KIND_PTR => Some(8),
            KIND_ARRAY => {
                let element = self.resolve(u32_at(self.types, ty.rest)?)?;
                let count = u32_at(self.types, ty.rest + 8)?;
                // One level: no field that we look up is an array of arrays.
                (element.kind != KIND_ARRAY)
                    .then(|| self.size_of(element))??
                    .checked_mul(count)
            }
            _ => None,
        }
    }

    /// Looks for a member called `name` in `ty`, anonymous members included. Gives its offset in
    /// bytes and its type.
    fn member(&self, ty: Type, name: &[u8], depth: u32) -> Option<(u32, Type)> {
        if depth == 0 || !matches!(ty.kind, KIND_STRUCT | KIND_UNION) {
            return None;
        }
        for i in 0..ty.vlen as usize {
            let at = ty.rest + 12 * i;
            let raw = u32_at(self.types, at + 8)?;
            let bits = if ty.kind_flag { raw & 0x00ff_ffff } else { raw };
            let is_bit_field = ty.kind_flag && raw >> 24 != 0;
            let member_name = self.string(u32_at(self.types, at)?);
            if member_name == name {
                let member = self.resolve(u32_at(self.types, at + 4)?)?;
                return (!is_bit_field && bits % 8 == 0).then_some((bits / 8, member));
            }
            if member_name.is_empty() && !is_bit_field {
                let inner = self.resolve(u32_at(self.types, at + 4)?)?;
                if let Some((offset, found)) = self.member(inner, name, depth - 1) {
                    return Some((bits / 8 + offset, found));
                }
            }
        }
        None
    }
}

impl Type {
    /// Length of what follows the fixed part.
    fn rest_len(&self) -> Option<usize> {
        let vlen = self.vlen as usize;
        Some(match self.kind {
            KIND_INT | KIND_VAR | KIND_DECL_TAG => 4,
            KIND_ARRAY => 12,
            KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 12 * vlen,
            KIND_ENUM | KIND_FUNC_PROTO => 8 * vlen,
            1..=KIND_MAX => 0,
            _ => return None,
        })
    }
}

/// A structure in a [`Btf`].
#[derive(Clone, Copy)]
pub struct Struct<'a> {
    btf: &'a Btf<'a>,
    ty: Type,
}

impl Struct<'_> {
    /// The field at the end of `path`, members separated by dots: `__sk_common.skc_net.net`.
    /// `None` where a member is missing or is a bit field.
    pub fn field(&self, path: &str) -> Option<Field> {
        let mut ty = self.ty;
        let mut offset = 0;
        for name in path.split('.') {
            let (member_offset, member) = self.btf.member(ty, name.as_bytes(), MAX_DEPTH)?;
            offset += member_offset;
            ty = member;
        }
        Some(Field {
            offset,
            size: self.btf.size_of(ty)?,
        })
    }
}

#[cfg(test)]
mod tests;
