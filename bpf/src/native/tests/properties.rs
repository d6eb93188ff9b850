use crate::native::arbitrary::Arbitrary;

/// Arbitrary tables, mappings, registers and stacks pass the checks of [`Arbitrary::check`]. Memory beyond the maps has
/// walls.
#[test]
fn every_walk_ends_within_its_bounds() {
    let mut arbitrary = Arbitrary::new().unwrap();
    let mut random = fastrand::Rng::with_seed(0x9e37_79b9_7f4a_7c15);
    let (mut frames, mut deep, mut cut) = (0, 0, 0);
    for round in 0..4000 {
        let len = 16 << (round % 6);
        let bytes: Vec<u8> = (0..len).flat_map(|_| random.u64(..).to_ne_bytes()).collect();
        let (found, by_rules) = arbitrary.check(&bytes);
        frames += found;
        deep += usize::from(by_rules && found > 10);
        cut += usize::from(found == 1024);
    }
    // With fewer frames, little was tried.
    assert!(frames > 12_000 && deep > 80 && cut > 0, "{frames} frames, {deep} deep, {cut} cut");
}

/// The kernel's record of a watched function says that it returns to address 0: its caller put that on the stack.
#[test]
fn a_watched_function_without_a_return_address_has_no_caller() {
    const MACHINE: [u8; 46] = [
        0xc6, 0x11, 0x00, 0x00, 0x00, 0x7e, 0x00, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xfb, 0x00, 0x00, 0x80, 0x01, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xfb,
        0x04,
    ];
    Arbitrary::new().unwrap().check(&MACHINE);
}
