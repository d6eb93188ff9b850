//! The modules of a crate, read from its source: which file each stands in, what it defines, and what it brings in.
//!
//! What is compiled for tests alone is left out.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Attribute, Item, Meta, Token, Visibility, punctuated::Punctuated};

/// A module's index in [`Crate::modules`].
pub(super) type ModuleId = usize;

/// A file's index in [`Crate::files`].
pub(super) type FileId = usize;

/// The source of a crate.
#[derive(Default)]
pub(super) struct Crate {
    pub(super) modules: Vec<Module>,
    pub(super) files: Vec<File>,
}

/// A file of a crate.
pub(super) struct File {
    /// Its path below the crate's source folder, as in `sampler/mod.rs`.
    pub(super) path: String,
    /// The folder it belongs to: `x.rs` with modules in a folder `x` beside it belongs there, as `x/mod.rs` does.
    pub(super) folder: PathBuf,
    pub(super) module: ModuleId,
    pub(super) items: Vec<Item>,
}

/// A module, in a file of its own or in braces.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) file: FileId,
    pub(super) parent: Option<ModuleId>,
    /// What a name means here: several things where it is a type, a function and a module at once.
    pub(super) names: HashMap<String, Vec<Meaning>>,
    /// What `use x::*` brings in.
    pub(super) globs: Vec<Vec<String>>,
}

/// What a name stands for in a module.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    Module(ModuleId),
    /// A type, a trait or a macro: a path may go on behind it.
    Type,
    /// A function or a constant.
    Value,
    Import(Vec<String>),
}

/// What a `use` names: a path, and the name it has from then on; `*` for everything.
#[derive(Clone, Debug)]
pub(super) struct Imported {
    pub(super) path: Vec<String>,
    pub(super) name: String,
}

impl Crate {
    /// Reads a crate from its root file, `lib.rs` or `main.rs`.
    pub(super) fn read(root: &Path) -> Self {
        let mut read = Self::default();
        let folder = root.parent().unwrap();
        read.file(root, folder, folder, None);
        read
    }

    /// Whether a module is another one or lies in it.
    pub(super) fn is_inside(&self, module: ModuleId, outer: ModuleId) -> bool {
        let mut upwards =
            std::iter::successors(Some(module), |module| self.modules[*module].parent);
        upwards.any(|module| module == outer)
    }

    /// Reads the file of a module; files of modules in it are in `folder`.
    fn file(
        &mut self,
        path: &Path,
        folder: &Path,
        source: &Path,
        parent: Option<ModuleId>,
    ) -> ModuleId {
        let text = fs::read_to_string(path).unwrap();
        let items = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (file, module) = (self.files.len(), self.modules.len());
        let own = path.parent().unwrap();
        let below = |path: &Path| path.strip_prefix(source).unwrap().to_owned();
        let (path, own) = (below(path).to_str().unwrap().to_owned(), below(own));
        self.files.push(File { path, folder: own, module, items: Vec::new() });
        self.module(&items.items, file, folder, source, parent);
        let has_folder = self
            .files
            .iter()
            .skip(file + 1)
            .any(|inner| source.join(&inner.path).starts_with(folder));
        if has_folder {
            self.files[file].folder = below(folder);
        }
        self.files[file].items = items.items;
        module
    }

    fn module(
        &mut self,
        items: &[Item],
        file: FileId,
        folder: &Path,
        source: &Path,
        parent: Option<ModuleId>,
    ) -> ModuleId {
        let id = self.modules.len();
        self.modules.push(Module { file, parent, names: HashMap::new(), globs: Vec::new() });
        for item in items.iter().filter(|item| is_shipped(attributes(item))) {
            match item {
                Item::Mod(inner) => {
                    let name = inner.ident.to_string();
                    let below = folder.join(&name);
                    let inner = match &inner.content {
                        Some((_, items)) => self.module(items, file, &below, source, Some(id)),
                        None => self.file(&file_of(folder, &name), &below, source, Some(id)),
                    };
                    self.mean(id, name, Meaning::Module(inner));
                }
                Item::Use(used) => {
                    for Imported { path, name } in imports(used) {
                        match name.as_str() {
                            "*" => self.modules[id].globs.push(path),
                            _ => self.mean(id, name, Meaning::Import(path)),
                        }
                    }
                }
                _ => {
                    if let Some((name, meaning)) = defined(item) {
                        self.mean(id, name.to_string(), meaning);
                    }
                }
            }
        }
        id
    }

    fn mean(&mut self, module: ModuleId, name: String, meaning: Meaning) {
        self.modules[module].names.entry(name).or_default().push(meaning);
    }
}

fn file_of(folder: &Path, name: &str) -> PathBuf {
    let beside = folder.join(format!("{name}.rs"));
    if beside.exists() { beside } else { folder.join(name).join("mod.rs") }
}

/// What a `use` brings in, a name each.
pub(super) fn imports(used: &syn::ItemUse) -> Vec<Imported> {
    let mut found = Vec::new();
    // `::x` is another crate's.
    if used.leading_colon.is_none() {
        leaves(&used.tree, &mut Vec::new(), &mut found);
    }
    found
}

fn leaves(tree: &syn::UseTree, before: &mut Vec<String>, found: &mut Vec<Imported>) {
    let mut leaf = |last: &syn::Ident, name: String| {
        let mut path = before.clone();
        // `x::{self}` is `x`.
        if last != "self" || path.is_empty() {
            path.push(last.to_string());
        }
        let name = if name == "self" { path.last().unwrap().clone() } else { name };
        found.push(Imported { path, name });
    };
    match tree {
        syn::UseTree::Name(name) => leaf(&name.ident, name.ident.to_string()),
        syn::UseTree::Rename(renamed) => leaf(&renamed.ident, renamed.rename.to_string()),
        syn::UseTree::Glob(_) => {
            found.push(Imported { path: before.clone(), name: String::from("*") });
        }
        syn::UseTree::Path(path) => {
            before.push(path.ident.to_string());
            leaves(&path.tree, before, found);
            before.pop();
        }
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, before, found);
            }
        }
    }
}

/// The name that an item defines, and what it means.
fn defined(item: &Item) -> Option<(&syn::Ident, Meaning)> {
    Some(match item {
        Item::Const(item) => (&item.ident, Meaning::Value),
        Item::Enum(item) => (&item.ident, Meaning::Type),
        Item::Fn(item) => (&item.sig.ident, Meaning::Value),
        Item::Macro(item) => (item.ident.as_ref()?, Meaning::Type),
        Item::Static(item) => (&item.ident, Meaning::Value),
        Item::Struct(item) => (&item.ident, Meaning::Type),
        Item::Trait(item) => (&item.ident, Meaning::Type),
        Item::Type(item) => (&item.ident, Meaning::Type),
        Item::Union(item) => (&item.ident, Meaning::Type),
        _ => return None,
    })
}

/// The attributes of an item.
pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether something with these attributes is there outside tests, on some machine and with some feature.
pub(super) fn is_shipped(attributes: &[Attribute]) -> bool {
    let mut conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.all(|attribute| attribute.parse_args().ok().and_then(|c| holds(&c)) != Some(false))
}

/// Whether a condition holds outside tests, as far as that is one answer.
fn holds(condition: &Meta) -> Option<bool> {
    let inner = |list: &syn::MetaList| -> Vec<Option<bool>> {
        let parsed = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        parsed.unwrap().iter().map(holds).collect()
    };
    match condition {
        Meta::Path(path) if path.is_ident("test") => Some(false),
        Meta::List(list) if list.path.is_ident("not") => inner(list)[0].map(|holds| !holds),
        Meta::List(list) if list.path.is_ident("all") => {
            if inner(list).contains(&Some(false)) {
                Some(false)
            } else {
                None
            }
        }
        Meta::List(list) if list.path.is_ident("any") => {
            if inner(list).iter().all(|c| *c == Some(false)) { Some(false) } else { None }
        }
        _ => None,
    }
}

/// Whether a `use` hands on what it brings in.
pub(super) fn is_reexport(used: &syn::ItemUse) -> bool {
    !matches!(used.vis, Visibility::Inherited)
}
