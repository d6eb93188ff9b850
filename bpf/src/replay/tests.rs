use super::*;
use crate::{
    AddressSpace, Comm, EventLosses, Flags, Frame, FrameKind, Rate, Sample, SideBand, SideBandKind,
    Trust, Unit,
};

fn window() -> Window {
    let frame = |address, kind, trust| Frame { address, kind, trust };
    let interpreted = FrameKind::Interpreted { runtime: 1, position: 0x2a, check: u32::MAX };
    let frames = vec![
        frame(0x401000, FrameKind::Instruction, Trust::Context),
        frame(0x402000, FrameKind::Return, Trust::FramePointer),
        frame(0x403000, FrameKind::Return, Trust::Guessed),
        frame(0x7f00_0000, interpreted, Trust::Rule),
    ];
    let sample = Sample {
        time: 10,
        cpu: 1,
        event: 0,
        space: AddressSpace { pid: 7, start: 3, exec: 2 },
        tid: 8,
        weight: 10_101_010,
        words: [0, 0],
        kernel: StackId(0),
        user: StackId(u64::MAX),
        comm: Comm::from_bytes(b"a b%\n\xff"),
        cgroup: 5,
        flags: Flags::TRUNCATED_USER.with(Flags::FRAME_POINTERS),
    };
    let event = |kind| SideBand { time: 9, pid: 7, tid: 7, kind };
    let mmap = SideBandKind::Mmap {
        start: 0x400000,
        len: 0x1000,
        offset: 0,
        device: (8, 1),
        inode: 99,
        path: b"/tmp/with space and \x01".to_vec(),
    };
    let comm = Comm::from_bytes(b"");
    let fork = SideBandKind::Fork { parent_pid: 1, parent_tid: 2 };
    let kinds = [
        mmap,
        SideBandKind::Exec { comm },
        SideBandKind::Rename { comm },
        fork,
        SideBandKind::Exit,
    ];
    Window {
        stacks: vec![Stack { id: StackId(u64::MAX), frames, checks: Vec::new() }],
        samples: vec![sample, Sample { event: 1, words: [1, u64::MAX], ..sample }],
        side_band: kinds.into_iter().map(event).collect(),
        side_band_lost: true,
        kept: Vec::new(),
    }
}

fn events() -> [Event; 2] {
    let event = |name: &str, unit, rate| Event { name: name.to_owned(), unit, rate };
    [
        event("cpu-clock", Unit::Nanoseconds, Rate::Hertz(99)),
        event("a b", Unit::Count, Rate::Every(100)),
    ]
}

fn recorded() -> (Vec<u8>, Losses) {
    let timer = EventLosses {
        lost: [("missed ticks", 3)].into_iter().collect(),
        runs: 40,
        idle: 2,
        foreign: 0,
        expected: 43,
    };
    let other = EventLosses { runs: 7, lost: [("nested", 1)].into(), ..EventLosses::default() };
    let losses =
        Losses { events: vec![timer, other], malformed: 5, unfinished: 2, side_band_lost: 1 };
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    recorder.events(&events()).unwrap();
    recorder.window(&window()).unwrap();
    recorder.window(&Window::default()).unwrap();
    (recorder.finish(&losses).unwrap(), losses)
}

#[test]
fn what_is_recorded_is_replayed() {
    let (text, losses) = recorded();
    let mut replay = Replay::read(&text).unwrap();
    let mut got = Window::default();
    assert!(!replay.finished());
    assert_eq!(replay.events(), events());
    replay.drain(&mut got).unwrap();
    assert_eq!(got, window());
    replay.drain(&mut got).unwrap();
    assert_eq!(got, Window::default());
    assert!(replay.finished());
    assert_eq!(replay.losses(), losses);
}

#[test]
fn a_recording_of_version_1_has_one_event_without_words() {
    let text = "bpflame-recording 1\n\
                sample a 1 0 7 3 2 8 9 0 ff 5 41 =x\n\
                window\n\
                losses 1 40 2 0 43\n\
                lost 3 missed ticks\n\
                lost 4 malformed record\n";
    let mut replay = Replay::read(text.as_bytes()).unwrap();
    let mut got = Window::default();
    replay.drain(&mut got).unwrap();
    assert_eq!((got.samples[0].flags, got.samples[0].words), (Flags(0x41), [0; 2]));
    assert_eq!(got.samples[0].comm, Comm::from_bytes(b"x"));
    assert!(replay.events().is_empty());
    let event = EventLosses {
        lost: [("missed ticks", 3)].into(),
        runs: 0x40,
        idle: 2,
        foreign: 0,
        expected: 0x43,
    };
    assert_eq!(
        replay.losses(),
        Losses { events: vec![event], malformed: 4, unfinished: 0, side_band_lost: 1 }
    );
    let second = text.replace("sample a 1 0", "sample a 1 1");
    assert!(Replay::read(second.as_bytes()).is_err(), "there is no second event");
}

#[test]
fn malformed_lines_are_named() {
    let error = |text: &str| Replay::read(text.as_bytes()).unwrap_err().to_string();
    assert!(error("").contains("line 1"));
    assert!(error("bpflame-recording 1\nsample 1 2\n").contains("line 2"));
    assert!(error("bpflame-recording 1\nwindow\nnonsense\n").contains("line 3"));
    assert!(error("bpflame-recording 3\n").contains("line 1"));
    let sample = "sample a 1 0 7 3 2 8 9 0 ff 5 41 0 0 =x";
    let event = "event hertz 63 count =e";
    let of_none = error(&format!("bpflame-recording 2\n{sample}\n{event}\n"));
    assert!(of_none.contains("line 2"), "its event is not named yet: {of_none}");
    let text = format!("bpflame-recording 2\n{event}\n{sample}\n");
    assert!(Replay::read(text.as_bytes()).is_ok());
    let no_interpreter = format!("{text}stack 1 p.0.1.2/r/7f00\n");
    assert!(error(&no_interpreter).contains("line 4"));
}

#[test]
fn cut_or_flipped_recordings_never_panic() {
    let (text, _) = recorded();
    for len in 0..text.len() {
        let _ = Replay::read(&text[..len]);
    }
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut flipped = text.clone();
            flipped[at] ^= 1 << bit;
            let _ = Replay::read(&flipped);
        }
    }
}

#[test]
fn forgotten_stacks_come_again_with_their_samples() {
    let first = window();
    let stack = first.stacks[0].id;
    let later = Window { samples: first.samples.clone(), ..Window::default() };
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    recorder.events(&events()).unwrap();
    for window in [&first, &later, &later, &Window::default(), &later] {
        recorder.window(window).unwrap();
    }
    let text = recorder.finish(&Losses::default()).unwrap();
    let mut replay = Replay::read(&text).unwrap();
    let mut drained = Window::default();
    let mut stacks = |forget| {
        if forget {
            replay.forget_stacks();
        }
        replay.drain(&mut drained).unwrap();
        drained.stacks.iter().map(|stack| stack.id).collect::<Vec<_>>()
    };
    assert_eq!(stacks(false), [stack]);
    assert_eq!(stacks(false), []);
    assert_eq!(stacks(true), [stack]);
    assert_eq!(stacks(true), [], "no sample needs it");
    assert_eq!(stacks(false), [stack], "now one does");
}
