//! Resolves a path to the module that defines its item, through all re-exports.

use super::modules::{Crate, Meaning, ModuleId};
use std::collections::BTreeSet;

/// The target of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Module(ModuleId),
    Item(Item),
}

/// Something that a module defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) module: ModuleId,
    pub(super) name: String,
    /// What of it is named, such as a type's function.
    pub(super) member: Option<String>,
}

impl Crate {
    /// What a path leads to, seen from a module; nothing where that is another crate's.
    pub(super) fn resolve(&self, from: ModuleId, path: &[String]) -> BTreeSet<Target> {
        self.follow(from, path, &mut Vec::new())
    }

    fn follow(
        &self,
        from: ModuleId,
        path: &[String],
        under_way: &mut Vec<(ModuleId, Vec<String>)>,
    ) -> BTreeSet<Target> {
        let step = (from, path.to_owned());
        let Some((first, rest)) = path.split_first() else { return BTreeSet::new() };
        if under_way.contains(&step) {
            return BTreeSet::new();
        }
        under_way.push(step);
        let start = match first.as_str() {
            "crate" => BTreeSet::from([Target::Module(0)]),
            "self" => BTreeSet::from([Target::Module(from)]),
            "super" => self.modules[from].parent.map(Target::Module).into_iter().collect(),
            name => self.look_up(from, name, under_way),
        };
        let found = start.into_iter().flat_map(|at| self.descend(at, rest, under_way));
        let found = found.collect();
        under_way.pop();
        found
    }

    /// Goes on from what the beginning of a path led to.
    fn descend(
        &self,
        at: Target,
        rest: &[String],
        under_way: &mut Vec<(ModuleId, Vec<String>)>,
    ) -> BTreeSet<Target> {
        let Some((first, after)) = rest.split_first() else { return BTreeSet::from([at]) };
        match at {
            Target::Item(item) if self.is_value(&item) => BTreeSet::new(),
            Target::Item(item) => {
                BTreeSet::from([Target::Item(Item { member: Some(first.clone()), ..item })])
            }
            Target::Module(module) if first == "super" => {
                let above = self.modules[module].parent.map(Target::Module);
                above.into_iter().flat_map(|above| self.descend(above, after, under_way)).collect()
            }
            Target::Module(module) => {
                let mut found = self.look_up(module, first, under_way);
                if found.iter().any(|target| self.is_foreign(target, module)) {
                    // The module is a front for what is none of its own: it is imported itself.
                    let name = first.clone();
                    found.insert(Target::Item(Item { module, name, member: None }));
                }
                if found.is_empty() && !self.hands_on(module, first) {
                    // A macro made it.
                    let name = first.clone();
                    return BTreeSet::from([Target::Item(Item { module, name, member: None })]);
                }
                found.into_iter().flat_map(|at| self.descend(at, after, under_way)).collect()
            }
        }
    }

    fn is_value(&self, item: &Item) -> bool {
        let meanings = self.modules[item.module].names.get(&item.name);
        meanings.is_some_and(|all| {
            all.iter().any(|meaning| matches!(meaning, Meaning::Value))
                && !all.iter().any(|meaning| matches!(meaning, Meaning::Type))
        })
    }

    /// Whether something is defined elsewhere than in a module and below.
    fn is_foreign(&self, target: &Target, module: ModuleId) -> bool {
        matches!(target, Target::Item(item) if !self.is_inside(item.module, module))
    }

    /// Whether a module knows a name, be it another crate's.
    fn hands_on(&self, module: ModuleId, name: &str) -> bool {
        self.modules[module].names.contains_key(name)
    }

    /// What a name means in a module.
    fn look_up(
        &self,
        module: ModuleId,
        name: &str,
        under_way: &mut Vec<(ModuleId, Vec<String>)>,
    ) -> BTreeSet<Target> {
        let Some(meanings) = self.modules[module].names.get(name) else {
            return self.through_globs(module, name, under_way);
        };
        let mut found = BTreeSet::new();
        for meaning in meanings {
            match meaning {
                Meaning::Module(inner) => drop(found.insert(Target::Module(*inner))),
                Meaning::Type | Meaning::Value => {
                    let name = name.to_owned();
                    found.insert(Target::Item(Item { module, name, member: None }));
                }
                Meaning::Import(path) => found.extend(self.follow(module, path, under_way)),
            }
        }
        found
    }

    fn through_globs(
        &self,
        module: ModuleId,
        name: &str,
        under_way: &mut Vec<(ModuleId, Vec<String>)>,
    ) -> BTreeSet<Target> {
        let mut found = BTreeSet::new();
        for path in &self.modules[module].globs {
            let step = (module, [path.as_slice(), &[name.to_owned()]].concat());
            if under_way.contains(&step) {
                continue;
            }
            under_way.push(step);
            for whole in self.follow(module, path, under_way) {
                match whole {
                    Target::Module(inner) => found.extend(self.look_up(inner, name, under_way)),
                    // The variants of an enum: which names they are is not asked.
                    Target::Item(_) => {}
                }
            }
            under_way.pop();
        }
        found
    }
}
