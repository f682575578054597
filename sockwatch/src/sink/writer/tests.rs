//! The writer on real pipes, sockets and files.

use std::{io::Read, os::unix::net::UnixStream};

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

fn pipe() -> (File, File) {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    (reader.into(), writer.into())
}

fn writer_on(file: impl Into<std::os::fd::OwnedFd>) -> Writer {
    Writer::on(file.into().into(), "test".into(), 1 << 20).unwrap()
}

/// Waits on a runtime of its own until the writer tells its end by itself.
fn wait_for_end(writer: &Writer) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime
        .block_on(async { tokio::time::timeout(DEADLINE, writer.ended()).await })
        .expect("the writer noticed nothing");
}

#[test]
fn chunks_come_out_whole_and_in_order() {
    let (mut reader, writer) = pipe();
    let writer = writer_on(writer);
    let reading = thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    let mut expected = String::new();
    let mut buffer = Vec::new();
    for n in 0..20_000 {
        let line = format!("line {n}\n");
        buffer.extend_from_slice(line.as_bytes());
        expected.push_str(&line);
        buffer = writer.send(buffer);
        assert!(buffer.is_empty());
    }
    assert!(matches!(writer.finish(DEADLINE), Outcome::Flushed));
    // Both threads let go of the pipe, or this would never see its end.
    assert_eq!(reading.join().unwrap().unwrap(), expected);
}

#[test]
fn a_reader_that_goes_away_ends_an_idle_writer() {
    let (reader, writer) = pipe();
    let writer = writer_on(writer);
    assert!(!writer.has_ended());
    drop(reader);
    wait_for_end(&writer);
    assert!(writer.send(b"late".to_vec()).is_empty());
    assert!(matches!(writer.finish(DEADLINE), Outcome::Closed));
}

#[test]
fn a_reader_that_goes_away_ends_a_blocked_writer() {
    let (reader, writer) = pipe();
    let writer = writer_on(writer);
    writer.send(vec![b'x'; 4 << 20]);
    drop(reader);
    assert!(matches!(writer.finish(DEADLINE), Outcome::Closed));
}

#[test]
fn a_socket_is_watched_too() {
    let (reader, writer) = UnixStream::pair().unwrap();
    let writer = writer_on(writer);
    drop(reader);
    wait_for_end(&writer);
    assert!(matches!(writer.finish(DEADLINE), Outcome::Closed));
}

#[test]
fn a_stopped_reader_fills_the_room_and_does_not_hang_the_exit() {
    let (reader, writer) = pipe();
    let writer = writer_on(writer);
    while writer.has_room() {
        writer.send(vec![b'x'; 64 << 10]);
    }
    let Outcome::TimedOut { bytes_left } = writer.finish(Duration::from_millis(20)) else {
        panic!("nobody read, and yet it is over");
    };
    assert!(bytes_left >= (1 << 20) - (64 << 10), "{bytes_left}");
    drop(reader);
}

#[test]
fn room_comes_back_when_the_reader_goes_on() {
    let (mut reader, writer) = pipe();
    let writer = writer_on(writer);
    let mut sent = 0;
    while writer.has_room() {
        sent += 64 << 10;
        writer.send(vec![b'x'; 64 << 10]);
    }
    let mut bytes = vec![0; sent];
    reader.read_exact(&mut bytes).unwrap();
    assert!(bytes.iter().all(|&byte| byte == b'x'));
    assert!(matches!(writer.finish(DEADLINE), Outcome::Flushed));
}

#[test]
fn a_non_blocking_pipe_is_waited_for() {
    let (mut reader, writer) = pipe();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    let writer = writer_on(writer);
    writer.send(vec![b'x'; 1 << 20]);
    let mut bytes = vec![0; 1 << 20];
    reader.read_exact(&mut bytes).unwrap();
    assert!(matches!(writer.finish(DEADLINE), Outcome::Flushed));
}

#[test]
fn a_full_device_is_a_failure_with_its_path_and_reason() {
    let writer = Writer::spawn(&Target::File("/dev/full".into())).unwrap();
    writer.send(b"x\n".to_vec());
    wait_for_end(&writer);
    let Outcome::Failed(error) = writer.finish(DEADLINE) else {
        panic!("a full device took a byte");
    };
    assert_eq!(error.to_string(), "cannot write /dev/full");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.starts_with("No space left on device"), "{source}");
}

#[test]
fn a_file_is_emptied_first_and_then_holds_everything() {
    let name = format!("sockwatch-writer-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, "what was there before").unwrap();
    let writer = Writer::spawn(&Target::File(path.clone())).unwrap();
    writer.send(b"one\n".to_vec());
    writer.send(b"two\n".to_vec());
    assert!(matches!(writer.finish(DEADLINE), Outcome::Flushed));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(text, "one\ntwo\n");
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let error = Writer::spawn(&Target::File("/nonexistent/x".into())).unwrap_err();
    assert_eq!(error.to_string(), "cannot write /nonexistent/x");
}
