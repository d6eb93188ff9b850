//! Reads the fields of a protocol buffers message, for tests: knows of no message, and so of none of ours.

/// A field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A message's fields by number, in their order.
pub(super) fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            2 => {
                let len = varint(&mut bytes) as usize;
                let (field, rest) = bytes.split_at(len);
                bytes = rest;
                Field::Bytes(field)
            }
            kind => panic!("a field of type {kind}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

/// The messages or texts of one number.
pub(super) fn all(bytes: &[u8], number: u64) -> Vec<&[u8]> {
    let of_number = fields(bytes).into_iter().filter(|(at, _)| *at == number);
    of_number
        .map(|(_, field)| match field {
            Field::Bytes(bytes) => bytes,
            Field::Number(number) => panic!("{number} where bytes are wanted"),
        })
        .collect()
}

/// The only message or text of this number.
pub(super) fn one(bytes: &[u8], number: u64) -> &[u8] {
    let all = all(bytes, number);
    assert_eq!(all.len(), 1, "fields {number}");
    all[0]
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a number that ends");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number without end")
}
