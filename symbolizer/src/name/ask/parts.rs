//! The parts of a message, counted before it is read. In memory, a part takes up to sixteen times its bytes.

use prost::decode_length_delimiter as number;

/// Whether a message has no more parts than these: each is the fields that lead to a part, and the most there may be.
pub(super) fn within(message: &[u8], limits: &[(&[usize], usize)]) -> bool {
    let mut left: Vec<usize> = limits.iter().map(|(_, most)| *most).collect();
    count(message, &mut Vec::new(), limits, &mut left).is_some()
}

/// Counts down what is left of each limit. `None`: one is exceeded, or the message is none.
fn count(
    mut message: &[u8],
    outside: &mut Vec<usize>,
    limits: &[(&[usize], usize)],
    left: &mut [usize],
) -> Option<()> {
    while !message.is_empty() {
        let key = number(&mut message).ok()?;
        let len = match key & 7 {
            0 => {
                number(&mut message).ok()?;
                continue;
            }
            1 => 8,
            2 => number(&mut message).ok()?,
            5 => 4,
            _ => return None,
        };
        let (inside, rest) = message.split_at_checked(len)?;
        message = rest;
        outside.push(key >> 3);
        for ((path, _), left) in limits.iter().zip(&mut *left) {
            *left = left.checked_sub(usize::from(*path == outside.as_slice()))?;
        }
        let leads_on =
            |(path, _): &(&[usize], usize)| path.len() > outside.len() && path.starts_with(outside);
        if limits.iter().any(leads_on) {
            count(inside, outside, limits, left)?;
        }
        outside.pop();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::message::Reply;
    use super::*;
    use crate::name::MOST_TEXTS;

    /// A reply with so many texts and names, two bytes each.
    fn reply(texts: usize, names: usize) -> Vec<u8> {
        let inside = [b"\x0a\x00".repeat(texts), b"\x12\x00".repeat(names)].concat();
        let mut message = vec![0x0a];
        prost::encode_length_delimiter(inside.len(), &mut message).unwrap();
        [message, inside].concat()
    }

    #[test]
    fn an_answer_with_more_parts_than_there_can_be_is_not_read() {
        assert!(Reply::read(&reply(7, 100), 100).is_some());
        assert!(Reply::read(&reply(7, 101), 100).is_none());
        assert!(Reply::read(&reply(MOST_TEXTS, 1), 1).is_some());
        assert!(Reply::read(&reply(MOST_TEXTS + 1, 1), 1).is_none());
        // Parts of one answer may come in two.
        assert!(Reply::read(&reply(0, 60).repeat(2), 100).is_none());
    }

    #[test]
    fn parts_are_counted_where_they_are() {
        // Field 1 has two texts in field 1, and one in field 2; a number and eight bytes follow.
        let message = b"\x0a\x0b\x0a\x01a\x0a\x00\x12\x02bc\x18\x05\x18\x80\x01\x21abcdefgh";
        let limits = |texts, others| [(&[1, 1][..], texts), (&[1, 2], others)];
        assert!(within(message, &limits(2, 1)));
        assert!(!within(message, &limits(1, 1)));
        assert!(!within(message, &limits(2, 0)));
        assert!(within(message, &[(&[1], 1)]) && !within(message, &[(&[1], 0)]));
        for end in 1..message.len() {
            let _ = within(&message[..end], &limits(2, 1));
        }
        for wrong in [&b"\x0a\x05"[..], b"\x0b", b"\x0f", b"\xff", b"\x09abc"] {
            assert!(!within(wrong, &[]), "{wrong:x?}");
        }
        assert!(within(b"", &[]));
    }
}
