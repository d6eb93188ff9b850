//! The reader of imports, on a made-up crate: each arrow is there for one reason, and each that is not, too.

use super::{arrows, modules::Crate};
use crate::harness::{Skip, tests};
use std::fs;
use tempfile::TempDir;

tests!(imports_lead_to_who_defines, circles_are_found);

/// The files of a made-up crate.
const FILES: [(&str, &str); 8] = [
    ("lib.rs", "mod a; mod b; mod c; mod d; mod front; pub use a::Shape; pub fn b() {}"),
    (
        "a.rs",
        "mod inner; use inner::deep; pub struct Shape; pub trait Look {} pub(crate) use inner::Deep;
         #[cfg(test)] mod tests { use crate::d::lost; } fn f() { deep() }",
    ),
    ("a/inner.rs", "use super::Shape; pub fn deep(_: Shape) {} pub struct Deep;"),
    // Through the crate's root, by a path in an expression, and to a member in another file.
    ("b.rs", "pub fn go() {} fn f(x: crate::Shape) { x.area(); crate::c::count(); crate::a::Shape::new() }"),
    (
        "c.rs",
        "use crate::a; pub fn count() { assert!(crate::d::holds(1)); } impl a::Shape { pub fn new() {} }",
    ),
    ("d.rs", "pub fn holds(_: u8) -> bool { use crate::b; b::go(); true } pub fn lost() {}"),
    ("front/mod.rs", "mod user; pub(crate) use crate::d::lost; pub use user::User;"),
    ("front/user.rs", "pub struct User; fn f() { crate::front::lost(); crate::a::Deep; crate::b(); }"),
];

fn read() -> Crate {
    let folder = TempDir::new().unwrap();
    for (path, text) in FILES {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Crate::read(&folder.path().join("lib.rs"))
}

fn imports_lead_to_who_defines() -> Result<(), Skip> {
    let read = read();
    let graph = arrows::graph(&read);
    let mut found = Vec::new();
    for (from, all) in &graph.arrows {
        for (to, names) in all {
            found.push(format!(
                "{from} {to} {}",
                names.iter().cloned().collect::<Vec<_>>().join(" ")
            ));
        }
    }
    let expected = [
        "a.rs a/inner.rs deep",
        "a/inner.rs a.rs Shape",
        "b.rs a.rs Shape",
        "b.rs c.rs count new",
        "c.rs a.rs Shape",
        "c.rs d.rs holds",
        "d.rs b.rs go",
        "front/mod.rs d.rs lost",
        "front/user.rs a/inner.rs Deep",
        "front/user.rs d.rs lost",
        "front/user.rs front/mod.rs lost",
        "front/user.rs lib.rs b",
    ];
    assert_eq!(found, expected);
    let folders: Vec<&str> = read.files.iter().map(|file| file.folder.to_str().unwrap()).collect();
    assert_eq!(folders, ["", "a", "a", "", "", "", "front", "front"]);
    Ok(())
}

fn circles_are_found() -> Result<(), Skip> {
    let circles: Vec<Vec<String>> =
        arrows::graph(&read()).circles().into_iter().map(|circle| circle.files).collect();
    assert_eq!(circles, [vec!["b.rs", "c.rs", "d.rs"], vec!["a.rs", "a/inner.rs"]]);
    Ok(())
}
