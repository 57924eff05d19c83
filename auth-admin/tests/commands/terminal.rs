//! A person at a terminal: a pseudo-terminal that echoes, as real ones do.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};
use test_servers::OpenLdap;

use crate::site::{GOOD, PROGRAM, Site};

const PATIENCE_MS: u64 = 120_000;
const OTHER: &str = "a second cup of cold tea";

/// The program in a terminal, under a shell that tells its exit code and whether the terminal echoes afterwards.
struct Terminal {
    session: PtySession,
    seen: String,
}

impl Terminal {
    fn run(site: &Site, arguments: &str) -> Self {
        let mut shell = Command::new("sh");
        let after = "echo \"code $?\"; stty -a | grep -q ' echo ' && echo echoes";
        shell.args(["-c", &format!("stty echo; echo ready; {PROGRAM} {arguments}; {after}")]);
        shell.env("DATABASE_URL", &site.database).env_remove("SESSIONS_URL");
        shell.env("LDAP_PASSWORD", OpenLdap::SERVICE_PASSWORD);
        let mut session = spawn_command(shell, Some(PATIENCE_MS)).unwrap();
        session.exp_string("ready").unwrap();
        Self { session, seen: String::new() }
    }

    /// Waits for a question and answers it.
    fn answer(&mut self, question: &str, answer: &str) -> &mut Self {
        self.seen += &self.session.exp_string(question).unwrap();
        self.session.send_line(answer).unwrap();
        self
    }

    fn password(&mut self, password: &str) -> &mut Self {
        self.answer("Password: ", password).answer("Password (again): ", password)
    }

    /// Waits for the end: the exit code, and all that was seen.
    fn end(&mut self) -> (String, String) {
        self.seen += &self.session.exp_string("code ").unwrap();
        let code = self.session.read_line().unwrap();
        let rest = self.session.exp_eof().unwrap();
        assert!(rest.contains("echoes"), "the terminal is as before: {rest:?}");
        (code, self.seen.clone())
    }
}

#[tokio::test]
async fn a_user_is_created_and_the_password_is_not_shown() {
    let site = Site::new();
    let mut terminal = Terminal::run(&site, "create-user");
    let (code, seen) = terminal.answer("User name: ", "alice").password(GOOD).end();
    assert_eq!(code, "0", "{seen}");
    assert!(seen.contains("alice") && seen.contains("created alice"), "what is no secret is echoed: {seen}");
    assert!(!seen.contains("hare") && !seen.contains('*'), "{seen}");
    assert!(site.signs_in("alice", GOOD).await);
}

/// A weak password is refused with all reasons, unless somebody insists.
#[tokio::test]
async fn somebody_may_insist_on_a_weak_password() {
    let site = Site::new();
    let mut terminal = Terminal::run(&site, "create-user --username alice");
    terminal.password("123456").answer("Use it anyway? [y/N] ", "n");
    let (code, seen) = terminal.password("1234567").answer("Use it anyway? [y/N] ", "y").end();
    assert_eq!(code, "0", "{seen}");
    for reason in ["fewer than 15 characters", "only digits", "first that an attacker tries"] {
        assert_eq!(seen.matches(reason).count(), 2, "{seen}");
    }
    assert!(!seen.contains("1234"), "{seen}");
    assert!(site.signs_in("alice", "1234567").await && !site.signs_in("alice", "123456").await);
}

/// An empty password is refused, even if the operator insists.
#[tokio::test]
async fn nobody_can_insist_on_an_empty_password() {
    let site = Site::new();
    let mut terminal = Terminal::run(&site, "create-user --username alice");
    let (code, seen) = terminal.password("").password("").password("").end();
    assert_eq!(code, "1", "{seen}");
    assert!(!seen.contains("[y/N]"), "{seen}");
    assert_eq!(site.count().await, 0);
}

#[tokio::test]
async fn three_mismatches_change_nothing() {
    let site = Site::new();
    site.create("alice");
    let mut terminal = Terminal::run(&site, "set-password alice");
    for _ in 0..3 {
        terminal.answer("Password: ", OTHER).answer("Password (again): ", GOOD);
    }
    let (code, seen) = terminal.end();
    assert_eq!(code, "1", "{seen}");
    assert_eq!(seen.matches("The two passwords differ.").count(), 3, "{seen}");
    assert!(seen.contains("no password after 3 tries: nothing was changed"), "{seen}");
    assert!(site.signs_in("alice", GOOD).await && !site.signs_in("alice", OTHER).await);

    let mut terminal = Terminal::run(&site, "set-password alice");
    terminal.answer("Password: ", OTHER).answer("Password (again): ", GOOD);
    let (code, seen) = terminal.password(OTHER).end();
    assert_eq!(code, "0", "{seen}");
    assert!(site.signs_in("alice", OTHER).await);
}

/// Who gives up at a hidden question sees what they type next.
#[tokio::test]
async fn an_interrupted_question_leaves_the_terminal_as_it_was() {
    let site = Site::new();
    for (key, code) in [('c', "130"), ('d', "1")] {
        let mut terminal = Terminal::run(&site, "create-user --username alice");
        terminal.seen += &terminal.session.exp_string("Password: ").unwrap();
        terminal.session.send_control(key).unwrap();
        assert_eq!(terminal.end().0, code);
    }
    assert_eq!(site.count().await, 0);
}

/// What cannot be undone is asked about.
#[test]
fn a_reset_of_factors_is_asked_about() {
    let site = Site::new();
    site.create("alice");
    let question = "Remove all second factors of alice and end the sessions? [y/N] ";
    for (answer, code, says) in [
        ("", "1", "error: nothing was changed"),
        ("n", "1", "error: nothing was changed"),
        ("yes", "0", "removed 0"),
    ] {
        let mut terminal = Terminal::run(&site, "reset-factors alice --reason 'lost phone'");
        let (ended, seen) = terminal.answer(question, answer).end();
        assert!(ended == code && seen.contains(says), "{answer:?}: {ended} {seen}");
    }
}

/// A bar, and nothing of it left behind.
#[test]
fn long_work_shows_how_far_it_is() {
    let site = Site::new();
    let file = site.file("users.csv", "username,password\nalice,\nbob,\n");
    let mut terminal = Terminal::run(&site, &format!("import-users {}", file.display()));
    let (code, seen) = terminal.end();
    assert_eq!(code, "0", "{seen}");
    assert!(seen.contains("created 2 users") && !seen.contains("imported 2 of"), "{seen}");
}

/// Lines of a plan stay, and how far it is goes away.
#[test]
fn a_plan_is_shown_beside_its_bar() {
    let (site, server) = (Site::new(), OpenLdap::new().with("sizelimit", "size.prtotal=unlimited").start());
    let options = format!(
        "--directory {} --authorities {} --issuer example.org --service-account {} --people ou=people,{}",
        server.url(),
        server.folder().join("authority.pem").display(),
        OpenLdap::SERVICE,
        OpenLdap::BASE
    );
    let mut terminal = Terminal::run(&site, &format!("{options} plan-users"));
    let (code, seen) = terminal.end();
    assert_eq!(code, "2", "{seen}");
    assert!(seen.contains("planned") && seen.contains("\u{1b}["), "a bar: {seen:?}");
    let planned = seen.lines().filter(|line| line.contains("create user ")).count();
    assert!(planned == 207 && seen.contains("would create 207 users"), "{planned}: {seen:?}");
}
