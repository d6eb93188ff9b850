//! Messages on a stream socket: eight bytes with the length, then the message. A descriptor may come beside the length.

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The largest message, in bytes.
pub(crate) const LARGEST: usize = 64 << 20;
/// Waiting may take so much longer than it should. So the socket need not be told before each call.
const ABOUT: Duration = Duration::from_millis(20);

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: UnixStream,
    /// The time after which waiting is an error.
    pub(crate) end: Option<Instant>,
    /// The time that a call may take, as the socket has it.
    limit: Option<Duration>,
}

impl Stream {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self { socket, end: None, limit: None }
    }

    /// Sends a message, with a descriptor beside it.
    pub(crate) fn send(
        &mut self,
        message: &[u8],
        beside: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let head = (message.len() as u64).to_le_bytes();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds = beside.map(|fd| [fd]);
        if let Some(fds) = &fds {
            ancillary.push(SendAncillaryMessage::ScmRights(fds));
        }
        let both = [IoSlice::new(&head), IoSlice::new(message)];
        let flags = SendFlags::NOSIGNAL;
        let sent = self.call(|socket| Ok(sendmsg(socket, &both, &mut ancillary, flags)?))?;
        let sent = sent.checked_sub(head.len()).ok_or(io::ErrorKind::WriteZero)?;
        let mut rest = message.get(sent..).unwrap_or_default();
        while !rest.is_empty() {
            // A socket's end is an error of `write`, without a signal: Rust ignores SIGPIPE.
            let written = self.call(|mut socket| socket.write(rest))?;
            rest = &rest[written..];
        }
        Ok(())
    }

    /// Receives a message, and the descriptor beside it. `None`: the other side has closed the connection.
    pub(crate) fn receive(&mut self) -> io::Result<Option<(Vec<u8>, Option<OwnedFd>)>> {
        let mut head = [0; 8];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL;
        let got = self.call(|socket| {
            Ok(recvmsg(socket, &mut [IoSliceMut::new(&mut head)], &mut ancillary, flags)?)
        })?;
        let beside = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let length = match got.bytes {
            0 => return Ok(None),
            8 => u64::from_le_bytes(head),
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let length = usize::try_from(length).ok().filter(|&length| length <= LARGEST);
        let mut rest = length.ok_or_else(|| io::Error::other("the message is too large"))?;
        let mut message = Vec::new();
        let mut piece = vec![0; rest.min(64 << 10)];
        while rest > 0 {
            let most = rest.min(piece.len());
            let count = self.call(|mut socket| socket.read(&mut piece[..most]))?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            message.extend_from_slice(&piece[..count]);
            rest -= count;
        }
        Ok(Some((message, beside)))
    }

    /// Calls until the end. A signal (to this thread, to another, or one that stops the process) ends a call on a socket with a time limit.
    fn call<T>(&mut self, mut call: impl FnMut(&UnixStream) -> io::Result<T>) -> io::Result<T> {
        loop {
            self.wait()?;
            match call(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Sets the time that the next call may take, unless it is about the same already.
    fn wait(&mut self) -> io::Result<()> {
        let Some(end) = self.end else { return Ok(()) };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.limit.is_some_and(|limit| limit.abs_diff(left) <= ABOUT) {
            return Ok(());
        }
        self.limit = Some(left);
        self.socket.set_read_timeout(Some(left))?;
        self.socket.set_write_timeout(Some(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;

    fn pair() -> (Stream, Stream) {
        let (one, other) = UnixStream::pair().unwrap();
        (Stream::new(one), Stream::new(other))
    }

    #[test]
    fn messages_arrive_whole_with_their_descriptors() {
        let (mut one, mut other) = pair();
        let long = vec![7; 3 << 20];
        let expected = long.clone();
        let sender = std::thread::spawn(move || {
            let file = File::open("/proc/self/exe").unwrap();
            one.send(&long, Some(file.as_fd())).unwrap();
            one.send(b"", None).unwrap();
        });
        let (message, beside) = other.receive().unwrap().unwrap();
        assert!(message == expected);
        assert!(File::from(beside.unwrap()).metadata().unwrap().len() > 0);
        let (message, beside) = other.receive().unwrap().unwrap();
        assert!(message.is_empty() && beside.is_none());
        sender.join().unwrap();
        assert!(other.receive().unwrap().is_none(), "the end");
    }

    #[test]
    fn silence_and_drops_end_at_the_given_time() {
        let (mut one, mut other) = pair();
        other.end = Some(Instant::now() + Duration::from_millis(50));
        other.receive().unwrap_err();
        one.socket.write_all(&100u64.to_le_bytes()).unwrap();
        other.end = Some(Instant::now() + Duration::from_millis(200));
        let dripping = std::thread::spawn(move || {
            for _ in 0..20 {
                if one.socket.write_all(b"x").is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        other.receive().unwrap_err();
        drop(other);
        dripping.join().unwrap();
    }

    #[test]
    fn a_signal_ends_no_wait() {
        let (mut one, mut other) = pair();
        other.end = Some(Instant::now() + Duration::from_secs(60));
        let receiving = std::thread::spawn(move || other.receive());
        // This process is the parent of the shell. It is stopped and goes on, ten times.
        let stops = "for i in 1 2 3 4 5 6 7 8 9 10; do kill -STOP $PPID; kill -CONT $PPID; sleep 0.02; done";
        let ended = std::process::Command::new("sh").args(["-c", stops]).status().unwrap();
        assert!(ended.success());
        one.send(b"text", None).unwrap();
        let (message, _) = receiving.join().unwrap().unwrap().unwrap();
        assert_eq!(message, b"text");
    }

    #[test]
    fn a_message_that_says_to_be_huge_is_refused() {
        let (mut one, mut other) = pair();
        one.socket.write_all(&u64::MAX.to_le_bytes()).unwrap();
        assert!(other.receive().unwrap_err().to_string().contains("too large"));
    }
}
