use super::*;

/// Writes BTF type by type.
#[derive(Default)]
struct Writer {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
}

impl Writer {
    fn new() -> Self {
        Self {
            strings: vec![0],
            ..Self::default()
        }
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        at
    }

    fn ty(&mut self, name: &str, kind: u32, info: u32, size_or_id: u32, rest: &[u32]) -> u32 {
        let name = self.string(name);
        for word in [name, kind << 24 | info, size_or_id].iter().chain(rest) {
            self.types.extend_from_slice(&word.to_ne_bytes());
        }
        self.count += 1;
        self.count
    }

    fn composite(&mut self, kind: u32, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let mut rest = Vec::new();
        for &(member, ty, bits) in members {
            rest.extend([self.string(member), ty, bits]);
        }
        self.ty(
            name,
            kind,
            1 << 31 | u32::try_from(members.len()).unwrap(),
            size,
            &rest,
        )
    }

    fn bytes(&self) -> Vec<u8> {
        let lens = [self.types.len(), self.strings.len()].map(|len| u32::try_from(len).unwrap());
        let mut out = MAGIC.to_ne_bytes().to_vec();
        out.extend([1, 0]);
        for word in [24, 0, lens[0], lens[0], lens[1]] {
            out.extend(u32::to_ne_bytes(word));
        }
        out.extend(&self.types);
        out.extend(&self.strings);
        out
    }
}

/// `struct outer { int a; union { struct { int pad; int b; }; long c; }; int flags:3; int d[4];
/// const number_t e; struct outer *next; }`
fn sample() -> Vec<u8> {
    let mut w = Writer::new();
    let int = w.ty("int", KIND_INT, 0, 4, &[32]);
    let long = w.ty("long", KIND_INT, 0, 8, &[64]);
    let inner = w.composite(KIND_STRUCT, "", 8, &[("pad", int, 0), ("b", int, 32)]);
    let union = w.composite(KIND_UNION, "", 8, &[("", inner, 0), ("c", long, 0)]);
    let array = w.ty("", KIND_ARRAY, 0, 0, &[int, int, 4]);
    let typedef = w.ty("number_t", KIND_TYPEDEF, 0, long, &[]);
    let constant = w.ty("", KIND_CONST, 0, typedef, &[]);
    let pointer = w.ty("", KIND_PTR, 0, 9, &[]);
    let members = [
        ("a", int, 0),
        ("", union, 64),
        ("flags", int, 3 << 24 | 128),
        ("d", array, 160),
        ("e", constant, 320),
        ("next", pointer, 384),
    ];
    let outer = w.composite(KIND_STRUCT, "outer", 56, &members);
    assert_eq!(outer, 9);
    w.bytes()
}

#[test]
fn fields_are_found_by_path() {
    let bytes = sample();
    let btf = Btf::parse(&bytes).unwrap();
    let [outer, missing] = btf.structs(["outer", "missing"]);
    assert!(missing.is_none());
    let field = |path| outer.unwrap().field(path).map(|f| (f.offset, f.size));
    assert_eq!(field("a"), Some((0, 4)));
    assert_eq!(
        field("b"),
        Some((12, 4)),
        "within an anonymous structure in an anonymous union"
    );
    assert_eq!(field("c"), Some((8, 8)));
    assert_eq!(field("d"), Some((20, 16)));
    assert_eq!(field("e"), Some((40, 8)), "through const and typedef");
    assert_eq!(field("next"), Some((48, 8)));
    assert_eq!(field("flags"), None, "a bit field has no offset in bytes");
    assert_eq!(field("next.a"), None, "a pointer is not walked through");
    assert_eq!(field("zzz"), None);
}

#[test]
fn damaged_bytes_never_panic() {
    let bytes = sample();
    for len in 0..bytes.len() {
        if let Ok(btf) = Btf::parse(&bytes[..len]) {
            let _ = btf.structs(["outer"])[0].map(|s| s.field("b"));
        }
    }
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            if let Ok(btf) = Btf::parse(&damaged) {
                let _ = btf.structs(["outer"])[0].map(|s| s.field("b"));
            }
        }
    }
    assert_eq!(Btf::parse(&[0, 0, 0]).err(), Some(BtfError::Magic(0)));
}
