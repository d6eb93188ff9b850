//! The plan of the house, held against its manifests and sources: directions between crates, between folders and
//! between files, and what no source may contain.
//!
//! In reading order: [`manifests`], [`directions`] (crates), [`modules`], [`resolve`] and [`arrows`] (what a file imports),
//! [`includes`] (the same for C), [`plan`] (all of it of a crate), [`graph`] and [`circles`], [`made_up`] (the reader itself), [`map`] and [`folders`], [`documents`] (what pages name), [`house_rules`].

mod arrows;
mod circles;
mod directions;
mod documents;
mod folders;
mod graph;
mod house_rules;
mod includes;
mod made_up;
mod manifests;
mod map;
mod modules;
mod plan;
mod resolve;

use crate::harness::Test;

/// The tests of all of these.
pub(crate) fn tests() -> Vec<(&'static str, Test)> {
    [
        directions::tests(),
        circles::tests(),
        folders::tests(),
        documents::tests(),
        made_up::tests(),
        house_rules::tests(),
    ]
    .concat()
}
