//! What the modules and the files of a crate need of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::graph::{Edge, Graph};
use crate::names::Names;
use crate::source::{self, Module};
use crate::uses;

/// A set of modules, or of files, each of which reaches all others of the set.
pub(crate) type Knot = BTreeSet<String>;

/// A crate, twice: by the modules that its root declares, and by its files.
pub(crate) struct Needs {
    pub(crate) modules: Graph,
    pub(crate) files: Graph,
    /// The module that each file is.
    paths: BTreeMap<String, Vec<String>>,
}

impl Needs {
    /// # Errors
    ///
    /// What cannot be read, and why.
    pub(crate) fn of(src: &Path) -> Result<Self, String> {
        let modules = source::read(src)?;
        let names = Names::of(&modules);
        let mut needs = Self::nothing(&modules);
        for (place, module) in modules.iter().enumerate() {
            let found = uses::paths(module).into_iter().filter_map(|path| names.item(place, &path));
            found.for_each(|found| needs.add(module, &modules[found.module], &found.name));
        }
        Ok(needs)
    }

    fn nothing(modules: &[Module]) -> Self {
        let mut needs =
            Self { modules: Graph::default(), files: Graph::default(), paths: BTreeMap::default() };
        for module in modules {
            needs.files.node(&module.file);
            module.path.first().into_iter().for_each(|top| needs.modules.node(top));
            let path = needs.paths.entry(module.file.clone()).or_insert_with(|| module.path.clone());
            // Modules that are written inline have the file of the one around them.
            if module.path.len() < path.len() {
                path.clone_from(&module.path);
            }
        }
        needs
    }

    /// The root's own items belong to no module, and those of one module need not be anywhere else.
    fn add(&mut self, from: &Module, to: &Module, name: &str) {
        if from.file != to.file {
            self.files.edge(&from.file, &to.file, name);
        }
        if let (Some(from), Some(to)) = (from.path.first(), to.path.first())
            && from != to
        {
            self.modules.edge(from, to, name);
        }
    }

    pub(crate) fn module_knots(&self) -> Vec<Knot> {
        self.modules.knots()
    }

    /// A file and the files of the modules in it are a room. Who reads a file in a room comes from the file around it, so
    /// within one room it may use what is defined there, although that names it in turn: knots of such uses alone are
    /// none. One that leads through several rooms is counted with all its files.
    pub(crate) fn file_knots(&self) -> Vec<Knot> {
        let mut knots = self.knots_but_rooms(&self.files);
        knots.sort_by_key(|knot| std::cmp::Reverse(knot.len()));
        knots
    }

    fn knots_but_rooms(&self, files: &Graph) -> Vec<Knot> {
        let knots = files.knots().into_iter();
        knots
            .flat_map(|knot| match self.around(&knot) {
                Some(around) => self.knots_but_rooms(&files.within(&knot, around)),
                None => vec![knot],
            })
            .collect()
    }

    /// The file of the knot in whose modules all its others are. The root is around everything, and so a room of nobody.
    fn around<'k>(&self, knot: &'k Knot) -> Option<&'k String> {
        knot.iter().find(|around| {
            let path = &self.paths[*around];
            !path.is_empty() && knot.iter().all(|file| self.paths[file].starts_with(path))
        })
    }
}

/// The arrows that close a knot, for a person to read.
pub(crate) fn told(edges: &[Edge]) -> String {
    let line = |Edge { from, to, names }: &Edge| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        format!("    {from} -> {to}: {}\n", names.join(", "))
    };
    edges.iter().map(line).collect::<Vec<_>>().concat()
}
