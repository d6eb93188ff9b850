use super::*;
use crate::record::counts::Count;
use crate::record::stacks::Stacks;
use crate::record::testing::{COMM, SPACE, mmap, sample, stack};
use output::timeline::Times;

const GATE: Gate = Gate { pid: SPACE.pid, name: b"gate", first_name: b"exe" };

fn counted(rules: Rules, windows: &[Window]) -> StackCounts {
    let mut table = ProcessTable::without_proc();
    let mut aggregator = Aggregator::new(rules);
    for window in windows {
        drop(aggregator.add(Marked::as_it_is(window), &mut table));
    }
    aggregator.finish()
}

fn window(samples: Vec<Sample>) -> Window {
    Window {
        stacks: vec![stack(1, &[0x1010, 0x1020]), stack(2, &[0xffff_ffff_8000_0000])],
        samples,
        side_band: vec![mmap(0, 0x1000, 0x1000)],
        ..Window::default()
    }
}

#[test]
fn equal_samples_are_one_count() {
    let samples = vec![sample(1, 1, 2), sample(2, 1, 2), sample(3, 1, 0)];
    let result = counted(Rules { threads: true, ..Rules::default() }, &[window(samples)]);
    let mut counts: Vec<Count> = result.counts.values().copied().collect();
    counts.sort_by_key(|count| count.samples);
    assert_eq!(counts, [Count { samples: 1, weight: 10 }, Count { samples: 2, weight: 20 }]);
    assert_eq!((result.samples, result.events), (3, vec![Count { samples: 3, weight: 30 }]));
    assert_eq!((result.first, result.last), (Some(1), Some(3)));
}

#[test]
fn threads_are_told_apart_only_where_wanted() {
    let samples = vec![sample(1, 1, 0), Sample { tid: 8, ..sample(2, 1, 0) }];
    let count = |threads| {
        counted(Rules { threads, ..Rules::default() }, &[window(samples.clone())]).counts.len()
    };
    assert_eq!((count(true), count(false)), (2, 1));
}

#[test]
fn a_sample_whose_stack_never_came_is_counted_as_lost() {
    let result = counted(
        Rules::default(),
        &[window(vec![sample(1, 99, 0), sample(2, 1, 98), sample(3, 1, 2)])],
    );
    assert_eq!((result.stack_missing, result.samples), (2, 1));
}

#[test]
fn without_memory_samples_are_counted_as_lost() {
    let mut table = ProcessTable::without_proc();
    let mut aggregator = Aggregator::new(Rules { threads: true, ..Rules::default() });
    aggregator.result.stacks = Stacks::within(10_000);
    let mut add = |batch| drop(aggregator.add(Marked::as_it_is(&batch), &mut table));
    add(window(vec![sample(1, 1, 2)]));
    // A thread that takes a new name for each sample.
    for time in 2..=1_000_u64 {
        let comm = Comm::from_bytes(format!("t{time}").as_bytes());
        let renamed = Sample { comm, ..sample(time, 1, 2) };
        add(Window { samples: vec![renamed], ..Window::default() });
    }
    add(window(vec![sample(1_001, 1, 2)]));
    let result = aggregator.finish();
    assert!(result.counts.len() < 40, "{}", result.counts.len());
    assert_eq!(result.samples + result.memory_full, 1_001);
    assert_eq!((result.stack_missing, result.last), (0, Some(1_001)));
    let size = std::mem::size_of::<(Key, Count)>();
    assert!((size + 1) * 16 / 7 <= COUNT, "{size}");
}

#[test]
fn times_are_kept_only_where_they_are_asked_for_and_begin_anew_with_each_cut() {
    let samples = || vec![sample(5_000, 1, 0), sample(8_999, 1, 2), sample(9_000, 1, 0)];
    assert_eq!(counted(Rules::default(), &[window(samples())]).times, None);
    let mut aggregator = Aggregator::new(Rules { times: true, ..Rules::default() });
    let mut table = ProcessTable::without_proc();
    for _ in 0..2 {
        let window = window(samples());
        drop(aggregator.add(Marked::as_it_is(&window), &mut table));
        let kept = aggregator.cut(&window.stacks).times.unwrap();
        let mut lists: Vec<Vec<u64>> = kept.values().map(|times| times.iter().collect()).collect();
        lists.sort();
        assert_eq!(lists, [vec![0, 4], vec![3]]);
    }
}

#[test]
fn without_memory_samples_are_counted_and_have_no_time() {
    let mut table = ProcessTable::without_proc();
    let mut aggregator = Aggregator::new(Rules { times: true, ..Rules::default() });
    aggregator.result.stacks = Stacks::within(5_000);
    let samples = (1..=1_000).map(|time| sample(time, 1, 2)).collect();
    drop(aggregator.add(Marked::as_it_is(&window(samples)), &mut table));
    let result = aggregator.finish();
    let timed: usize = result.times.unwrap().values().map(Times::len).sum();
    assert!((1..900).contains(&timed), "{timed}");
    assert_eq!(result.samples, 1_000);
}

#[test]
fn stacks_of_an_earlier_window_are_known() {
    let later = Window { samples: vec![sample(5, 1, 2)], ..Window::default() };
    let result = counted(Rules::default(), &[window(vec![]), later]);
    assert_eq!((result.stack_missing, result.samples), (0, 1));
}

#[test]
fn samples_see_the_mappings_of_their_own_time() {
    let mut window = window(vec![sample(5, 1, 0), sample(15, 1, 0)]);
    // Another file takes the place between the two samples.
    window.side_band.push(mmap(10, 0x1000, 0x9000));
    let result = counted(Rules::default(), &[window]);
    let places: Vec<Place> = result.stacks.places().to_vec();
    assert_eq!(result.counts.len(), 2, "{places:?}");
}

#[test]
fn the_gate_s_samples_are_not_the_command_s() {
    let named = |time, name| Sample { comm: Comm::from_bytes(name), ..sample(time, 1, 0) };
    let exec = SideBandKind::Exec { comm: Comm::from_bytes(b"exe") };
    let mut window = window(vec![
        named(1, GATE.first_name),
        named(2, GATE.name),
        // A command that is called as the gate is at first.
        named(4, GATE.first_name),
        named(5, COMM),
    ]);
    window.side_band.push(SideBand { time: 3, pid: SPACE.pid, tid: SPACE.pid, kind: exec });
    let windows = [window];
    let rules = Rules { threads: true, gate: Some(GATE), ..Rules::default() };
    let result = counted(rules, &windows);
    assert_eq!((result.samples, result.first), (2, Some(4)));
    let other = Rules { gate: Some(Gate { pid: SPACE.pid + 1, ..GATE }), ..rules };
    assert_eq!(counted(other, &windows).samples, 4);
}

#[test]
fn the_idle_task_has_no_address_space() {
    let idle =
        Sample { flags: Flags::IDLE, user: StackId(0), kernel: StackId(2), ..sample(1, 0, 2) };
    let result = counted(Rules::default(), &[window(vec![idle])]);
    let key = result.counts.keys().next().unwrap();
    assert_eq!((key.space, key.user.is_some(), key.kernel.is_some()), (None, false, true));
}

#[test]
fn an_interpreter_s_frame_is_an_object_and_not_an_address() {
    let mut mixed = stack(1, &[0x1010, 0x1020]);
    let interpreted = |position| FrameKind::Interpreted { runtime: 2, position, check: 9 };
    mixed.frames.extend([
        Frame { address: 0x1030, kind: interpreted(5), ..mixed.frames[1] },
        Frame { address: 0x1030, kind: interpreted(6), ..mixed.frames[1] },
    ]);
    let result = counted(
        Rules::default(),
        &[Window { stacks: vec![mixed], ..window(vec![sample(1, 1, 0)]) }],
    );
    let object =
        |position| Place::Interpreted { space: 0, runtime: 2, object: 0x1030, position, check: 9 };
    let places = result.stacks.places();
    assert!(matches!(places[..2], [Place::File { .. }, Place::File { .. }]), "{places:?}");
    assert_eq!(places[2..], [object(5), object(6)]);
}

#[test]
fn kernel_addresses_are_looked_up_before_the_return() {
    let result = counted(
        Rules::default(),
        &[Window {
            stacks: vec![stack(2, &[0xffff_ffff_8000_0010, 0xffff_ffff_8000_0020])],
            samples: vec![sample(1, 0, 2)],
            ..Window::default()
        }],
    );
    let addresses = [0xffff_ffff_8000_0010, 0xffff_ffff_8000_001f];
    assert_eq!(result.stacks.places(), addresses.map(|address| Place::Kernel { address }));
    assert_eq!(stack(2, &[1, 2]).frames[1].kind, FrameKind::Return);
}
