//! Writing the fields of protocol buffers' messages. Field numbers are below 16, so that a field's key is one byte.

use prost::Message;

/// Appends a number.
pub(crate) fn put_varint(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// The bytes of a number.
pub(crate) fn varint_len(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// Appends a number as a field. A 0 is not written.
pub(crate) fn put_number(field: u32, number: u64, to: &mut Vec<u8>) {
    if number != 0 {
        to.push((field << 3) as u8);
        put_varint(number, to);
    }
}

/// Appends the key of a field of bytes, and their number. The bytes follow.
pub(crate) fn put_key(field: u32, len: usize, to: &mut Vec<u8>) {
    to.push((field << 3 | 2) as u8);
    put_varint(len as u64, to);
}

/// Appends an encoded message or a text as a field, even if it is empty.
pub(crate) fn put_bytes(field: u32, bytes: &[u8], to: &mut Vec<u8>) {
    put_key(field, bytes.len(), to);
    to.extend_from_slice(bytes);
}

/// Appends a list of numbers as a field. An empty list is not written.
pub(crate) fn put_list(field: u32, numbers: &[u8], to: &mut Vec<u8>) {
    if !numbers.is_empty() {
        put_bytes(field, numbers, to);
    }
}

/// Appends a message as a field.
pub(crate) fn put(field: u32, message: &impl Message, to: &mut Vec<u8>) {
    put_key(field, message.encoded_len(), to);
    message.encode_raw(to);
}

/// Appends everything that `write` appends as one field. Its length comes first, once it is known.
pub(crate) fn nest<T>(field: u32, to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let start = to.len();
    let result = write(to);
    let len = to.len() - start;
    put_key(field, len, to);
    let prefix = to.len() - start - len;
    to[start..].rotate_right(prefix);
    result
}
