//! The modules of a crate, read from its files.

use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, ImplItem, Item, Meta, Token, punctuated::Punctuated};

/// One module; those that only tests have are left out.
pub(crate) struct Module {
    /// The names that lead to it, without `crate`: none for the root.
    pub(crate) path: Vec<String>,
    /// Relative to `src`. That of the module around it, if it is written inline.
    pub(crate) file: String,
    pub(crate) items: Vec<Item>,
}

/// Reads `src/lib.rs` and every module that it leads to.
pub(crate) fn read(src: &Path) -> Result<Vec<Module>, String> {
    let mut reader = Reader { src, modules: Vec::new() };
    reader.file(&src.join("lib.rs"), src, Vec::new())?;
    Ok(reader.modules)
}

struct Reader<'a> {
    src: &'a Path,
    modules: Vec<Module>,
}

impl Reader<'_> {
    /// `children` is the folder in which the files of its modules are.
    fn file(&mut self, file: &Path, children: &Path, path: Vec<String>) -> Result<(), String> {
        let failed = |why: String| format!("{}: {why}", file.display());
        let text = fs::read_to_string(file).map_err(|why| failed(why.to_string()))?;
        let parsed = syn::parse_file(&text).map_err(|why| failed(why.to_string()))?;
        let name = file.strip_prefix(self.src).unwrap_or(file).to_string_lossy().into_owned();
        self.module(name, children, path, parsed.items)
    }

    fn module(
        &mut self,
        file: String,
        children: &Path,
        path: Vec<String>,
        items: Vec<Item>,
    ) -> Result<(), String> {
        for item in &items {
            let Item::Mod(module) = item else { continue };
            if is_for_tests(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            let inside = children.join(&name);
            let path = [path.as_slice(), &[name]].concat();
            match &module.content {
                Some((_, items)) => self.module(file.clone(), &inside, path, items.clone())?,
                None => self.file(&file_of(&inside), &inside, path)?,
            }
        }
        self.modules.push(Module { path, file, items });
        Ok(())
    }
}

fn file_of(module: &Path) -> PathBuf {
    let beside = module.with_extension("rs");
    if beside.exists() { beside } else { module.join("mod.rs") }
}

/// Whether this is compiled for unit tests only.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        attribute.parse_args::<Meta>().is_ok_and(|condition| without_tests(&condition) == Some(false))
    })
}

/// What a condition comes to in a build without tests; `None` if that depends on features.
fn without_tests(condition: &Meta) -> Option<bool> {
    match condition {
        Meta::Path(path) if path.is_ident("test") => Some(false),
        Meta::List(list) => {
            let inner = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
            let inner: Vec<_> = inner.iter().map(without_tests).collect();
            if list.path.is_ident("not") {
                inner.first()?.map(|holds| !holds)
            } else if list.path.is_ident("all") {
                inner.contains(&Some(false)).then_some(false)
            } else {
                inner.iter().all(|one| *one == Some(false)).then_some(false)
            }
        }
        _ => None,
    }
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
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

pub(crate) fn attributes_in_impl(item: &ImplItem) -> &[Attribute] {
    match item {
        ImplItem::Const(item) => &item.attrs,
        ImplItem::Fn(item) => &item.attrs,
        ImplItem::Macro(item) => &item.attrs,
        ImplItem::Type(item) => &item.attrs,
        _ => &[],
    }
}
