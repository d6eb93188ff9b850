use super::*;
use bpf::FrameKind;

fn stack(id: u64, addresses: &[u64]) -> Stack {
    let kind = |at| if at == 0 { FrameKind::Instruction } else { FrameKind::Return };
    let frame = |(at, address): (usize, &u64)| Frame {
        address: *address,
        kind: kind(at),
        trust: Trust::Rule,
    };
    Stack {
        id: StackId(id),
        frames: addresses.iter().enumerate().map(frame).collect(),
        checks: Vec::new(),
    }
}

const SPACE: Space = Space { index: 1, epoch: 0 };

#[test]
fn a_return_address_is_looked_up_one_before() {
    let mut stacks = Stacks::default();
    stacks.add(&stack(1, &[0x10, 0x20]));
    let mut asked = Vec::new();
    let place = |address| Place::Jit { space: 1, address, check: Check::None };
    stacks
        .user(SPACE, StackId(1), None, |frame| {
            asked.push(frame.lookup());
            place(frame.lookup())
        })
        .unwrap();
    assert_eq!(asked, [0x10, 0x1f]);
    assert_eq!(stacks.places(), [place(0x10), place(0x1f)]);
}

#[test]
fn an_address_is_located_once_a_space() {
    let mut stacks = Stacks::default();
    stacks.add(&stack(1, &[0x10, 0x20]));
    stacks.add(&stack(2, &[0x10, 0x20, 0x30]));
    let mut count = 0;
    for (space, id) in [(0, 1), (0, 1), (0, 2), (1, 2)] {
        let space = Space { index: space, epoch: 0 };
        let locate = |frame: Frame| {
            count += 1;
            Place::Jit { space: space.index, address: frame.lookup(), check: Check::None }
        };
        stacks.user(space, StackId(id), None, locate).unwrap();
    }
    assert_eq!(count, 2 + 1 + 3);
}

#[test]
fn an_unknown_address_is_asked_for_again() {
    let mut stacks = Stacks::default();
    stacks.add(&stack(1, &[0x10]));
    stacks.add(&stack(2, &[0x10, 0x20]));
    let unknown = |address| Place::Unknown { address, reason: Reason::NoMapping };
    let nowhere = |frame: Frame| unknown(frame.lookup());
    let first = stacks.user(SPACE, StackId(1), None, nowhere).unwrap();
    let second = stacks
        .user(SPACE, StackId(2), None, |frame| Place::Jit {
            space: 1,
            address: frame.lookup(),
            check: Check::None,
        })
        .unwrap();
    assert_ne!(stacks.frames(first)[0].0, stacks.frames(second)[0].0);
}

#[test]
fn a_stack_that_never_came_is_missing() {
    let mut stacks = Stacks::default();
    assert_eq!(stacks.kernel(StackId(9)), Err(Lost::Missing));
    let user =
        stacks.user(SPACE, StackId(9), None, |frame| Place::Kernel { address: frame.lookup() });
    assert_eq!(user, Err(Lost::Missing));
}

#[test]
fn unknown_addresses_without_end_become_one_place() {
    let mut stacks = Stacks::default();
    let unknown = |address| Place::Unknown { address, reason: Reason::NoMapping };
    let nowhere = |frame: Frame| unknown(frame.lookup());
    for id in 1..=2 * u64::from(UNKNOWN) {
        stacks.add(&stack(id, &[id * 16]));
        stacks.user(SPACE, StackId(id), None, nowhere).unwrap();
    }
    assert_eq!(stacks.places().len(), UNKNOWN as usize + 1);
    assert_eq!(stacks.places().last(), Some(&unknown(0)));
    // Addresses that were distinguished stay distinguished, and another process has its own.
    stacks.add(&stack(9_000_000, &[16]));
    let known = stacks.user(SPACE, StackId(9_000_000), None, nowhere).unwrap();
    assert_eq!(stacks.places()[stacks.frames(known)[0].0.0 as usize], unknown(16));
    stacks.add(&stack(9_000_001, &[0x9000_0000]));
    stacks.user(Space { index: 2, epoch: 0 }, StackId(9_000_001), None, nowhere).unwrap();
    assert_eq!(stacks.places().last(), Some(&unknown(0x9000_0000)));
}

#[test]
fn memory_ends_and_is_told() {
    let mut stacks = Stacks::within(100_000);
    let mut lost = 0;
    for id in 1..=10_000 {
        let addresses: Vec<u64> = (0..50).map(|at| id << 20 | at << 4).collect();
        stacks.add(&stack(id, &addresses));
        let placed = stacks.user(SPACE, StackId(id), None, |frame| Place::Jit {
            space: 1,
            address: frame.lookup(),
            check: Check::None,
        });
        lost += u32::from(placed == Err(Lost::Full));
    }
    assert!((9_900..10_000).contains(&lost), "{lost}");
    assert!(stacks.places().len() < 1_000, "{}", stacks.places().len());
    // A stack that was kept is still there for samples.
    let first = stacks
        .user(SPACE, StackId(1), None, |frame| Place::Kernel { address: frame.lookup() })
        .unwrap();
    assert_eq!(stacks.frames(first).len(), 50);
}

#[test]
fn one_process_leaves_memory_for_the_stacks_of_others() {
    let mut stacks = Stacks::within(1_000_000);
    let mut placed = |pid, id: u64| {
        let space = Space { index: pid, epoch: 0 };
        let addresses: Vec<u64> = (0..50).map(|at| id << 20 | at << 4).collect();
        stacks.pay(pid);
        stacks.add(&stack(id, &addresses));
        let locate =
            |frame: Frame| Place::Jit { space: pid, address: frame.lookup(), check: Check::None };
        stacks.user(space, StackId(id), None, locate).is_ok()
    };
    let greedy = (1..=1_000).filter(|id| placed(1, *id)).count();
    assert!((30..70).contains(&greedy), "{greedy}");
    assert!((2_001..2_004).all(|id| placed(2, id)));
    assert!(!placed(1, 3_000));
}

#[test]
fn what_one_takes_is_not_more_than_counted() {
    use std::mem::size_of;
    // A list may have twice, a hash table 16/7 times the room that is used.
    let listed = 2 * size_of::<Place>().max(size_of::<Frame>());
    let hashed = (size_of::<(Place, u32)>().max(size_of::<(Frame, u32)>()) + 1) * 16 / 7;
    assert!(listed + hashed <= DISTINCT, "{listed} + {hashed}");
    assert!((size_of::<((Space, u32), PlaceId)>() + 1) * 16 / 7 <= KNOWN);
    assert!(2 * size_of::<(PlaceId, Trust)>() <= PLACED_FRAME);
    let placed = 2 * size_of::<Range<u32>>();
    assert!(placed + (size_of::<((Space, StackId, u64), PlacedStack)>() + 1) * 16 / 7 <= 2 * STACK);
}

#[test]
fn a_stack_whose_code_was_replaced_is_another() {
    let mut stacks = Stacks::default();
    stacks.add(&stack(1, &[0x1000, 0x2001]));
    let code = |mark| StackCode::of([(0x1000, Check::Is(mark))].into_iter());
    let locate = |frame: Frame| {
        let address = frame.lookup();
        Place::Jit { space: 1, address, check: Check::None }
    };
    let mut user = |code: Option<&StackCode>| {
        let placed = stacks.user(SPACE, StackId(1), code, locate).unwrap();
        let frames =
            stacks.frames(placed).iter().map(|(place, _)| stacks.places()[place.0 as usize]);
        let check = |place| match place {
            Place::Jit { check, .. } => check,
            place => panic!("{place:?}"),
        };
        (placed, frames.map(check).collect::<Vec<Check>>())
    };
    let (first, checks) = user(Some(&code(5)));
    assert_eq!(checks, [Check::Is(5), Check::None]);
    assert_eq!(user(Some(&code(5))).0, first);
    let (other, checks) = user(Some(&code(6)));
    assert_ne!(other, first);
    assert_eq!(checks, [Check::Is(6), Check::None]);
    assert_eq!(user(None).1, [Check::None; 2]);
    assert_eq!(user(Some(&code(5))).0, first);
    let lost = user(Some(&StackCode::lost())).1;
    assert_eq!(lost, [Check::Lost(Reason::Limit); 2]);
}
