//! The arrows between a crate's files: from a file to each other one that defines a name it uses.
//!
//! A parent that declares a module, or hands its names on, draws no arrow by that; one that uses such a name itself does. A
//! function of a type whose `impl` blocks stand in several files leads to the file of its own block, where the code says
//! which type it is of: `Type::name`, `Self::name` and `self.name()`.

use super::graph::Graph;
use super::modules::{self, Crate, FileId, ModuleId};
use super::resolve::{Item, Target};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::{self, Visit};

/// The files of a type's functions, which are not always the type's own.
type Members = BTreeMap<(Item, String), BTreeSet<FileId>>;

/// All arrows between the files of a crate.
pub(super) fn graph(of: &Crate) -> Graph {
    let mut reader = Reader {
        of,
        file: 0,
        module: 0,
        blocks: Vec::new(),
        implemented: Vec::new(),
        members: Members::new(),
        graph: Graph::default(),
    };
    for step in [Step::Members, Step::Arrows] {
        for (id, file) in of.files.iter().enumerate() {
            (reader.file, reader.module) = (id, file.module);
            for item in &file.items {
                match step {
                    Step::Members => reader.list_members(item),
                    Step::Arrows => reader.visit_item(item),
                }
            }
        }
    }
    reader.graph
}

/// What is read of all files before the next: arrows to a type's functions need to know where those are.
#[derive(Clone, Copy)]
enum Step {
    Members,
    Arrows,
}

/// Goes through a crate's files, and draws their arrows.
struct Reader<'a> {
    of: &'a Crate,
    /// The file and the module that it is in.
    file: FileId,
    module: ModuleId,
    /// What the blocks around bring in for themselves, as modules of their own.
    blocks: Vec<Vec<modules::Imported>>,
    /// The types whose `impl` blocks are around.
    implemented: Vec<Option<Item>>,
    members: Members,
    graph: Graph,
}

impl Reader<'_> {
    fn list_members(&mut self, item: &syn::Item) {
        if !modules::is_shipped(modules::attributes(item)) {
            return;
        }
        match item {
            syn::Item::Mod(inner) if inner.content.is_some() => {
                let outside = self.enter(&inner.ident.to_string());
                for item in inner.content.iter().flat_map(|(_, items)| items) {
                    self.list_members(item);
                }
                self.module = outside;
            }
            syn::Item::Impl(block) if block.trait_.is_none() => {
                let Some(of) = self.type_of(&block.self_ty) else { return };
                for item in &block.items {
                    let name = match item {
                        syn::ImplItem::Fn(function) => &function.sig.ident,
                        syn::ImplItem::Const(constant) => &constant.ident,
                        _ => continue,
                    };
                    let key = (of.clone(), name.to_string());
                    self.members.entry(key).or_default().insert(self.file);
                }
            }
            _ => {}
        }
    }

    /// Goes into a module in braces; returns the one outside.
    fn enter(&mut self, name: &str) -> ModuleId {
        let outside = self.module;
        let inner =
            self.of.resolve(outside, &[name.to_owned()]).into_iter().find_map(|t| match t {
                Target::Module(module) => Some(module),
                Target::Item(_) => None,
            });
        self.module = inner.unwrap();
        outside
    }

    /// The type that an `impl` block is for, where it is one of the crate's own.
    fn type_of(&self, of: &syn::Type) -> Option<Item> {
        let syn::Type::Path(path) = of else { return None };
        let found = self.targets(&names(&path.path));
        found.into_iter().find_map(|target| match target {
            Target::Item(item) => Some(item),
            Target::Module(_) => None,
        })
    }

    fn targets(&self, path: &[String]) -> BTreeSet<Target> {
        let Some(first) = path.first() else { return BTreeSet::new() };
        let mut local = self.blocks.iter().rev().flatten().filter(|import| &import.name == first);
        match local.next() {
            Some(import) => {
                let whole = [import.path.as_slice(), &path[1..]].concat();
                self.of.resolve(self.module, &whole)
            }
            None => self.of.resolve(self.module, path),
        }
    }

    /// Draws the arrows of a path.
    fn draw(&mut self, path: &[String]) {
        if path.first().is_some_and(|first| first == "Self") {
            if let (Some(Some(of)), Some(name)) = (self.implemented.last(), path.get(1)) {
                let of = of.clone();
                self.draw_member(&of, name);
            }
            return;
        }
        for target in self.targets(path) {
            self.draw_to(target);
        }
    }

    fn draw_to(&mut self, target: Target) {
        let Target::Item(item) = target else { return };
        self.arrow(self.of.modules[item.module].file, &item.name);
        if let Some(member) = &item.member {
            self.draw_member(&Item { member: None, ..item.clone() }, member);
        }
    }

    fn draw_member(&mut self, of: &Item, name: &str) {
        let files = self.members.get(&(of.clone(), name.to_owned())).cloned();
        for file in files.into_iter().flatten() {
            self.arrow(file, name);
        }
    }

    fn arrow(&mut self, to: FileId, name: &str) {
        if to != self.file {
            self.graph.tie(&self.of.files[self.file].path, &self.of.files[to].path, name);
        }
    }

    /// Draws the arrows of a `use`: what is handed on from inside the module is none. Of a name that a module and something
    /// else have, what is used of it draws the arrow.
    fn draw_use(&mut self, used: &syn::ItemUse) {
        for import in modules::imports(used) {
            let targets = self.of.resolve(self.module, &import.path);
            if targets.iter().any(|target| matches!(target, Target::Module(_))) {
                continue;
            }
            for target in targets {
                let Target::Item(item) = &target else { continue };
                let inside = self.of.is_inside(item.module, self.module);
                if !(inside && modules::is_reexport(used)) {
                    self.draw_to(target);
                }
            }
        }
    }

    /// Draws the arrows of the paths among tokens that are not parsed: those of macros and attributes.
    fn draw_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: Option<&TokenTree>, what: char| matches!(at, Some(TokenTree::Punct(punct)) if punct.as_char() == what);
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.draw_tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let is_field = at > 0 && is(tokens.get(at - 1), '.');
                    let mut path = vec![first.to_string()];
                    while is(tokens.get(at + 1), ':')
                        && is(tokens.get(at + 2), ':')
                        && let Some(TokenTree::Ident(next)) = tokens.get(at + 3)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if is_field && path[0] != "self" {
                        // A field or a method of something.
                    } else {
                        self.draw(&path);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// The segments of a path.
fn names(path: &syn::Path) -> Vec<String> {
    if path.leading_colon.is_some() {
        return Vec::new();
    }
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if modules::is_shipped(modules::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, inner: &'ast syn::ItemMod) {
        if inner.content.is_some() {
            let outside = self.enter(&inner.ident.to_string());
            visit::visit_item_mod(self, inner);
            self.module = outside;
        }
    }

    fn visit_item_use(&mut self, used: &'ast syn::ItemUse) {
        self.draw_use(used);
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        self.implemented.push(self.type_of(&block.self_ty));
        visit::visit_item_impl(self, block);
        self.implemented.pop();
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Fn(function) => function.attrs.as_slice(),
            syn::ImplItem::Const(constant) => constant.attrs.as_slice(),
            _ => &[],
        };
        if modules::is_shipped(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let used = block.stmts.iter().filter_map(|statement| match statement {
            syn::Stmt::Item(syn::Item::Use(used)) => Some(used),
            _ => None,
        });
        self.blocks.push(used.flat_map(modules::imports).collect());
        visit::visit_block(self, block);
        self.blocks.pop();
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if let (syn::Expr::Path(receiver), Some(Some(of))) =
            (&*call.receiver, self.implemented.last())
            && receiver.path.is_ident("self")
        {
            let of = of.clone();
            self.draw_member(&of, &call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.draw(&names(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        self.visit_path(&invoked.path);
        self.draw_tokens(invoked.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta
            && !["cfg", "derive", "doc", "expect"].iter().any(|name| list.path.is_ident(name))
        {
            self.draw_tokens(list.tokens.clone());
        }
    }

    // `pub(in path)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}
