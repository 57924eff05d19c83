//! A program of the guide, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use tempfile::TempDir;

use crate::running::Running;

/// A package outside this workspace.
pub(crate) struct Project {
    folder: TempDir,
    name: String,
}

impl Project {
    /// The program of this page of the guide: the page's first block of TOML and its first of Rust.
    ///
    /// Two things are changed in them: the path to the clone of this repository, and the address to listen on, which
    /// a test cannot share with others.
    pub(crate) fn pasted(framework: &str) -> Self {
        let page = workspace().join(format!("docs/guide/src/quick-start-{framework}.md"));
        let page = fs::read_to_string(page).expect("the page");
        let manifest =
            replaced(&block(&page, "toml"), "\"../auth/", &format!("\"{}/", workspace().display()));
        let listen = r#"std::env::var("LISTEN").expect("LISTEN")"#;
        let main = replaced(&block(&page, "rust,no_run"), r#""127.0.0.1:3000""#, listen);
        Self::of(&manifest, &main)
    }

    fn of(manifest: &str, main: &str) -> Self {
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        let name = name.expect("the package has a name").to_owned();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        write(&folder.path().join("Cargo.toml"), manifest);
        write(&folder.path().join("src/main.rs"), main);
        // The same versions as here: nothing has to be found or downloaded.
        fs::copy(workspace().join("Cargo.lock"), folder.path().join("Cargo.lock")).expect("the versions");
        Self { folder, name }
    }

    /// The same program without the lines that contain this.
    pub(crate) fn without(&self, text: &str) -> Self {
        let read = |name| fs::read_to_string(self.folder.path().join(name)).expect("it was pasted");
        let main = read("src/main.rs");
        let kept: Vec<_> = main.lines().filter(|line| !line.contains(text)).collect();
        assert!(kept.len() < main.lines().count(), "no line has {text}: {main}");
        // It could not make its user either.
        let main = kept.join("\n").replace(r#"users.find("alice").await?.is_none()"#, "false");
        Self::of(&read("Cargo.toml"), &main)
    }

    /// The same program with another text in its `Cargo.toml`.
    pub(crate) fn with_manifest(self, old: &str, new: &str) -> Self {
        let path = self.folder.path().join("Cargo.toml");
        write(&path, &replaced(&fs::read_to_string(&path).expect("it was pasted"), old, new));
        self
    }

    /// Adds a program beside the main one.
    pub(crate) fn add(&self, name: &str, source: &str) {
        write(&self.folder.path().join(format!("src/bin/{name}.rs")), source);
    }

    /// Compiles a program of this package.
    ///
    /// Into the workspace's own target folder, with as little debug information as there: crates that are needed with
    /// the same features are not compiled twice. Features are this package's own: one that the page forgets is
    /// missing here.
    pub(crate) fn build(&self, program: &str) -> Output {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["build", "--offline", "--bin", program, "--color", "never"])
            .arg("--target-dir")
            .arg(target());
        for setting in [r#"profile.dev.debug="line-tables-only""#, r#"profile.dev.package."*".debug=false"#] {
            cargo.args(["--config", setting]);
        }
        cargo.current_dir(self.folder.path()).output().expect("cargo can be started")
    }

    /// Compiles the main program, and starts it.
    pub(crate) fn start(&self) -> Running {
        let built = self.build(&self.name);
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        // A copy: the next build writes another program in its place.
        let program = self.folder.path().join(&self.name);
        fs::copy(target().join("debug").join(&self.name), &program).expect("the program");
        Running::start(&program)
    }
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests are in a folder of the workspace")
}

/// The target folder that this test was built in.
fn target() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    test.ancestors().nth(3).expect("tests are two folders below").to_owned()
}

/// The first block of code in this language.
fn block(page: &str, language: &str) -> String {
    let (_, after) = page.split_once(&format!("```{language}\n")).expect("the page has such a block");
    after.split_once("```").expect("the block ends").0.to_owned()
}

fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "there is no {old}: {text}");
    text.replace(old, new)
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}
