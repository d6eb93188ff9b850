//! The names of classes as Java's sources write them, equal in every run.

/// Ends of names whose number tells in which order a program made the classes.
const NUMBERED: [&str; 4] = [
    "$$Lambda$",
    "GeneratedMethodAccessor",
    "GeneratedConstructorAccessor",
    "GeneratedSerializationConstructorAccessor",
];

/// The name of a class: dots between its packages, without the address that a hidden class has behind its name, and without the
/// number of what the virtual machine made by itself.
pub(super) fn readable(name: &str) -> String {
    let name = without_address(name);
    let bare = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let made = bare.len() < name.len() && NUMBERED.iter().any(|end| bare.ends_with(end));
    let name = if made { bare.strip_suffix('$').unwrap_or(bare) } else { name };
    name.replace('/', ".")
}

fn without_address(name: &str) -> &str {
    let cut = |at: usize| {
        let address = name[at + 1..].strip_prefix("0x")?;
        let hexadecimal = address.bytes().all(|digit| digit.is_ascii_hexdigit());
        (at > 0 && hexadecimal && !address.is_empty()).then_some(&name[..at])
    };
    name.rfind(['+', '/']).and_then(cut).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn a_name_has_nothing_of_the_run_that_made_it() {
        for (name, expected) in [
            ("java/lang/String", "java.lang.String"),
            ("Known", "Known"),
            ("a/Known$$Lambda$14+0x0000000800c03000", "a.Known$$Lambda"),
            ("a/Known$$Lambda+0x00007f1234001000", "a.Known$$Lambda"),
            ("a/Known$$Lambda$14/0x0000000800c03000", "a.Known$$Lambda"),
            ("a/Known$$Lambda$2", "a.Known$$Lambda"),
            ("java/lang/invoke/LambdaForm$MH+0x0000000800c0f400", "java.lang.invoke.LambdaForm$MH"),
            (
                "jdk/internal/reflect/GeneratedMethodAccessor12",
                "jdk.internal.reflect.GeneratedMethodAccessor",
            ),
            // Programs choose these names themselves.
            ("a/Known$1", "a.Known$1"),
            ("a/$Proxy7", "a.$Proxy7"),
            ("a/Lambda$", "a.Lambda$"),
            ("a/b+0xyz", "a.b+0xyz"),
            ("a/b+0x", "a.b+0x"),
            ("a/0x12", "a"),
            ("+0x12", "+0x12"),
            ("", ""),
            ("$$Lambda$", "$$Lambda$"),
        ] {
            assert_eq!(readable(name), expected, "{name}");
        }
    }
}
