//! What the iterator writes, in pieces of every size.

use std::io::{Error, Read, Result};

use super::*;

/// Gives its bytes in pieces; an empty piece is the kernel asking to be asked anew.
struct Pieces(Vec<Vec<u8>>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.0.is_empty() {
            return Ok(0);
        }
        let piece = self.0.remove(0);
        if piece.is_empty() {
            return Err(Error::from(ErrorKind::WouldBlock));
        }
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

fn record(inode: u64, tgid: u32, comm: &str) -> Vec<u8> {
    let mut bytes = inode.to_ne_bytes().to_vec();
    bytes.extend(tgid.to_ne_bytes());
    bytes.extend(7_u32.to_ne_bytes());
    bytes.extend(comm.bytes());
    bytes.resize(RECORD_BYTES, 0);
    bytes
}

fn read(pieces: Vec<Vec<u8>>) -> Vec<(u64, u32, Comm)> {
    let mut found = Vec::new();
    each_record(Pieces(pieces), |record| {
        let socket = decode(record);
        found.extend(socket.map(|socket| {
            assert_eq!(socket.fd, 7);
            (socket.inode, socket.tgid, Comm::from_kernel(socket.comm))
        }));
    })
    .unwrap();
    found
}

#[test]
fn records_are_whole_however_they_come() {
    let bytes = [record(5, 1, "systemd"), record(6, 300, "fifteen-bytes-x")].concat();
    let expected = [
        (5, 1, Comm::from_bytes(b"systemd")),
        (6, 300, Comm::from_bytes(b"fifteen-bytes-x")),
    ];
    for cut in 1..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(read(vec![head.to_vec(), tail.to_vec()]), expected, "{cut}");
    }
    assert_eq!(read(vec![Vec::new(), bytes.clone(), Vec::new()]), expected);
    let single = bytes.iter().map(|&byte| vec![byte]).collect();
    assert_eq!(read(single), expected);
}

#[test]
fn what_is_cut_off_or_no_inode_is_nobodys() {
    assert_eq!(read(Vec::new()), []);
    let mut cut = record(5, 1, "x");
    cut.pop();
    assert_eq!(read(vec![cut]), []);
    assert_eq!(read(vec![record(0, 1, "x")]), []);
}

#[test]
fn tasks_may_come_in_pieces() {
    let mut told = Told::default();
    for (inode, tgid) in [(5, 1), (6, 1), (5, 9), (6, 1), (7, 9)] {
        let bytes = record(inode, tgid, "x");
        told.add(&decode(bytes.first_chunk().unwrap()).unwrap());
    }
    let holders = told.finish();
    let pids = |inode| -> Vec<u32> { holders.users(inode).iter().map(|user| user.pid).collect() };
    assert_eq!((pids(5), pids(6), pids(7)), (vec![9, 1], vec![1], vec![9]));
}

#[test]
fn another_error_ends_the_pass() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> Result<usize> {
            Err(Error::from(ErrorKind::OutOfMemory))
        }
    }
    assert!(each_record(Broken, |_| {}).is_err());
}

#[test]
fn what_can_not_be_told_apart_is_not_read() {
    let every = Layout {
        file_inode: 0,
        inode_ino: 0,
        inode_sb: 0,
        sb_magic: 0,
        task_tgid: 0,
        task_files: 0,
        group_leader: 0,
        comm: 0,
        ..Layout::ABSENT
    };
    assert!(check_fields(&every).is_ok());
    let without = Layout {
        sb_magic: ABSENT,
        ..every
    };
    let error = check_fields(&without).unwrap_err();
    assert!(error.to_string().contains("super_block.s_magic"), "{error}");
}
