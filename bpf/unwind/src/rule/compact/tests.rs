use super::*;

fn restores() -> Vec<Restore> {
    let at = [-1024, -56, -8, 0, 8, 1016, -1032, 1024, 4];
    let mut all = vec![Restore::Same, Restore::Unknown];
    all.extend(at.map(Restore::AtCfa));
    all.extend(at.map(Restore::AtFramePointer));
    all
}

fn cfas() -> Vec<Cfa> {
    let mut all = vec![Cfa::SignalFrame];
    all.extend((0..18).map(|threshold| Cfa::Plt { threshold }));
    for register in [0, 6, 7, 31, 32, 63, 64, 255] {
        for offset in [0, 8, -8, 17, 1 << 15, i32::MIN, i32::MAX] {
            all.push(Cfa::Register { register, offset });
            for add in [0, 8, -32768, 32767, 32768] {
                all.push(Cfa::Deref { register, offset, add });
            }
        }
    }
    all
}

fn places() -> impl Iterator<Item = ReturnAddress> {
    let by_cfa = [-8, -16, 64, 5, 4096].map(ReturnAddress::AtCfa);
    let by_register = [8, 0, -512, 504, -520, 512, 4, i32::MAX];
    let by_fp = by_register.map(ReturnAddress::AtFramePointer);
    by_cfa.into_iter().chain(by_fp).chain(by_register.map(ReturnAddress::AtStackPointer))
}

#[test]
fn steps_by_the_frame_pointer_are_no_rules_of_disassembly() {
    for rule in [Rule::FRAME_POINTER, Rule::NOT_YET] {
        assert_eq!(Compact::of(&rule).rule(), Some(rule));
        let synthesised = Rule { trust: RuleTrust::Synthesised, ..rule };
        assert_eq!(Compact::of(&synthesised), Compact::of(&rule));
    }
}

#[test]
fn every_rule_comes_back_or_is_refused() {
    let (mut kept, mut refused) = (0, 0);
    for cfa in cfas() {
        for fp in restores() {
            for spare in restores() {
                for ra in places() {
                    let rule = Rule { cfa, fp, spare, ra, trust: RuleTrust::Synthesised };
                    match Compact::try_from(&rule) {
                        Ok(compact) => {
                            assert_eq!(compact.rule(), Some(rule));
                            kept += 1;
                        }
                        Err(kind) => {
                            assert_eq!(Compact::of(&rule).rule(), Some(Rule::unsupported(kind)));
                            refused += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(kept > 10_000 && refused > 10_000, "{kept} kept, {refused} refused");
}

#[test]
fn the_short_way_is_the_long_way() {
    for register in [0, 7, 31, 32, 63, 64, 300] {
        for offset in [0, -8, 16, i64::from(i32::MAX), i64::from(i32::MAX) + 1] {
            for fp in [None, Some(-16), Some(-1024), Some(1016), Some(-1032), Some(1024), Some(4)] {
                let usual = Compact::usual(register, offset, fp);
                let (Ok(register), Ok(offset)) = (u8::try_from(register), i32::try_from(offset))
                else {
                    assert_eq!(usual, None);
                    continue;
                };
                let fp = fp.map_or(Restore::Same, |at| Restore::AtCfa(at as i32));
                let rule = Rule { fp, ..Rule::of(Cfa::Register { register, offset }) };
                assert_eq!(usual, Compact::try_from(&rule).ok());
            }
        }
    }
}

#[test]
fn the_usual_rules_are_kept() {
    let usual = [
        Rule::END,
        Rule::SIGNAL_FRAME,
        Rule::FRAME_POINTER,
        Rule { trust: RuleTrust::Synthesised, ..Rule::of(Cfa::Guessed) },
        Rule::of(Cfa::Register { register: 7, offset: 8 }),
        Rule { fp: Restore::AtCfa(-16), ..Rule::of(Cfa::Register { register: 6, offset: 16 }) },
        Rule {
            fp: Restore::AtFramePointer(0),
            ..Rule::of(Cfa::Deref { register: 6, offset: -8, add: 0 })
        },
        Rule {
            spare: Restore::AtCfa(-56),
            ..Rule::of(Cfa::Register { register: 7, offset: 1 << 20 })
        },
    ];
    for rule in usual {
        assert_eq!(Compact::of(&rule).rule(), Some(rule));
    }
    for kind in Unsupported::ALL {
        assert_eq!(Compact::unsupported(kind).unsupported_kind(), Some(kind));
    }
    assert_eq!(Compact::NONE.rule(), None);
    // The file's own tables do not guess.
    assert_ne!(Compact::of(&Rule::of(Cfa::Guessed)), Compact::NONE);
}

#[test]
fn any_bits_are_read_without_panic() {
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..100_000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if let Some(rule) = Compact(bits).rule() {
            assert!(Compact::of(&rule).rule() == Some(rule), "{rule:?}");
        }
    }
}
