//! Objects of an interpreter, by a reader that the test brings along.

use crate::name::{Line, LocalSymbolizer, NameOptions, RawAddresses, Symbolize};
use crate::place::{Check, Place};
use crate::process::tests::{Running, event, identity_of};
use crate::process::{EventKind, ProcessTable};
use crate::reason::Reason;
use crate::runtime::{Found, Function, Object, Reader, Remains, Runtime};
use crate::serve::Server;

/// A runtime whose objects are texts in memory. The check is their first byte; positions are lines.
#[derive(Debug)]
struct Texts;

impl Reader for Texts {
    fn functions(&self, process: &crate::runtime::Running<'_>, objects: &[Object]) -> Vec<Found> {
        let read = |object: &Object| {
            let mut text = [0; 4];
            let read = process.memory.fill(object.address, &mut text);
            if !read || u32::from(text[0]) != object.check {
                return Err(Reason::ObjectGone);
            }
            let name = String::from_utf8_lossy(&text).into_owned();
            let file = String::from("texts");
            let (line, start) = (object.position, 2);
            let inner = Function { name, file, start, line, approximate: true, compiled: true };
            Ok(vec![inner.clone(), Function { name: format!("outer {}", inner.name), ..inner }])
        };
        objects.iter().map(read).collect()
    }

    fn gone(&self, process: &crate::runtime::Running<'_>, _: &Object, remains: &Remains) -> Found {
        // The runtime's file is there, though the process is not.
        let mut magic = [0; 4];
        assert!(process.memory.fill(process.image, &mut magic) && magic == *b"\x7fELF");
        let name = String::from_utf8_lossy(&remains.0[1]).into_owned();
        Ok(vec![Function { name, ..Function::default() }])
    }
}

const NUMBER: u8 = 7;

fn symbolizer() -> LocalSymbolizer {
    LocalSymbolizer::new(NameOptions::default(), Server::default().with_reader(NUMBER, &Texts))
}

fn own_table() -> (ProcessTable, crate::Space) {
    let mut table = ProcessTable::new();
    let space = table.space(identity_of(std::process::id()), 1);
    (table, space)
}

/// A runtime that needs no perf map is not said to lack one.
#[test]
fn code_of_a_process_that_has_ended_says_so() {
    let directory = tempfile::tempdir().unwrap();
    for (name, reason) in [("node", Reason::ProcessGone), ("other", Reason::NoJitMap)] {
        let program = directory.path().join(name);
        std::fs::copy("/bin/sleep", &program).unwrap();
        let mut process = std::process::Command::new(&program).arg("100").spawn().unwrap();
        let mut table = ProcessTable::new();
        let space = table.space(identity_of(process.id()), 1);
        table.read(process.id());
        process.kill().unwrap();
        process.wait().unwrap();
        table.apply(&event(2, process.id(), EventKind::Exit));
        let place = Place::Jit { space: space.index, address: 9, check: Check::None };
        assert_eq!(symbolizer().names(&table, &[place])[0].reason, Some(reason), "{name}");
    }
}

#[test]
fn objects_are_named_by_their_reader_from_their_process_s_memory() {
    let (table, space) = own_table();
    let (main, work) = (*b"main", *b"work");
    let at = |text: &[u8; 4]| std::ptr::from_ref(text) as u64;
    let places = [
        table.interpreted(space, NUMBER, at(&work), 7, b'w'.into()),
        table.interpreted(space, NUMBER, at(&main), 3, b'm'.into()),
        table.interpreted(space, NUMBER, at(&work), 7, b'w'.into()),
        table.interpreted(space, NUMBER, at(&work), 7, b'x'.into()),
        table.interpreted(space, NUMBER, 8, 7, b'x'.into()),
    ];
    assert_eq!(
        places[1],
        Place::Interpreted {
            space: space.index,
            runtime: NUMBER,
            object: at(&main),
            position: 3,
            check: b'm'.into()
        }
    );
    for named in [
        symbolizer().names(&table, &places),
        RawAddresses::new(Some(symbolizer())).names(&table, &places),
    ] {
        let lines: Vec<_> =
            named.iter().map(|n| n.lines.first().map(|l| (&*l.name, l.line))).collect();
        let expected = [Some(("work", 7)), Some(("main", 3)), Some(("work", 7)), None, None];
        assert_eq!(lines, expected);
        assert_eq!(named[0].module, "[interpreted]");
        let facts = |line: &Line| (line.start, line.inlined, line.approximate, line.compiled);
        assert_eq!(
            named[0].lines.iter().map(facts).collect::<Vec<_>>(),
            [(2, true, true, true), (2, false, true, true)]
        );
        assert_eq!(named[3].reason, Some(Reason::ObjectGone), "its check is another");
        assert_eq!(named[4].reason, Some(Reason::ObjectGone), "nothing can be read there");
    }
}

#[test]
fn without_a_reader_or_a_process_there_is_a_reason() {
    let (table, space) = own_table();
    let python = Runtime::of_file(b"python3").unwrap();
    let place = table.interpreted(space, python.number(), 0x1000, 0, 0);
    let named = symbolizer().names(&table, &[place]).remove(0);
    assert_eq!((named.module.as_str(), named.reason), ("[python]", Some(Reason::NoReader)));

    let mut running = Running::shell("echo ready; read line");
    let mut table = ProcessTable::new();
    let space = table.space(identity_of(running.pid()), 1);
    running.end();
    let place = table.interpreted(space, NUMBER, 0x1000, 0, 0);
    let named = symbolizer().names(&table, &[place]).remove(0);
    assert_eq!(named.reason, Some(Reason::ProcessGone));
    let named = RawAddresses::<LocalSymbolizer>::new(None).names(&table, &[place]).remove(0);
    assert_eq!(named.reason, Some(Reason::NotAsked));
}

#[test]
fn objects_of_a_process_that_has_ended_are_named_by_what_remains() {
    let mut running = Running::shell("echo ready; read line");
    let mut table = ProcessTable::new();
    let space = table.space(identity_of(running.pid()), 1);
    running.end();
    let place = |object| table_place(space.index, object);
    let (known, other) = (place(0x1000), place(0x2000));
    let remains = Remains([Vec::new(), b"work".to_vec(), Vec::new()]);
    let mut symbolizer = symbolizer();
    symbolizer.name_early(&table, &[], vec![(known, remains)]);
    let named = symbolizer.names(&table, &[known, other]);
    assert_eq!((&*named[0].lines[0].name, named[0].reason), ("work", None));
    assert_eq!(named[1].reason, Some(Reason::ProcessGone));
    symbolizer.begin_cut();
    assert_eq!(symbolizer.names(&table, &[known])[0].reason, Some(Reason::ProcessGone));
}

fn table_place(space: u32, object: u64) -> Place {
    Place::Interpreted { space, runtime: NUMBER, object, position: 0, check: 5 }
}

/// Fails for each place at first.
#[derive(Debug)]
struct Late(std::sync::Mutex<std::collections::HashSet<u64>>);

impl Reader for Late {
    fn functions(&self, _: &crate::runtime::Running<'_>, objects: &[Object]) -> Vec<Found> {
        let first = |object: &Object| self.0.lock().unwrap().insert(object.address);
        let found = |object: &Object| match first(object) {
            true => Err(Reason::ObjectGone),
            false => Ok(vec![Function { name: "late".into(), line: 3, ..Function::default() }]),
        };
        objects.iter().map(found).collect()
    }
}

#[test]
fn what_failed_while_memory_changed_is_asked_for_once_more() {
    let mut running = Running::shell("echo ready; read line");
    let mut table = ProcessTable::new();
    let space = table.space(identity_of(running.pid()), 1);
    let late: &'static Late = Box::leak(Box::new(Late(std::sync::Mutex::default())));
    let server = Server::default().with_reader(NUMBER, late);
    let mut symbolizer = LocalSymbolizer::new(NameOptions::default(), server);
    let place = table_place(space.index, 0x1000);
    assert!(symbolizer.name_early(&table, &[place], Vec::new()));
    let watchdog = std::time::Instant::now();
    while !symbolizer.name_early(&table, &[], Vec::new()) {
        assert!(watchdog.elapsed().as_secs() < 60);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The second answer is waited for.
    let first = symbolizer.names(&table, &[place]);
    running.end();
    assert_eq!(&*first[0].lines[0].name, "late");
    assert!(!symbolizer.name_early(&table, &[], Vec::new()), "and no third time");
}
