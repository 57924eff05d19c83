//! Detects hashes that are slow because their crates are not optimised, as in the debug build of an application.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::algorithm::Algorithm;
use crate::unheard;

/// Anything quicker than this is acceptable.
const BEARABLE: Duration = Duration::from_millis(150);

static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Says once in a process how to make hashes quicker, if one took so long that its crates cannot be optimised.
pub(super) fn look(algorithm: &dyn Algorithm, work: u64, took: Duration) {
    if !is_slow(algorithm, work, took) || IS_TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    // While trying out a site, most people have no subscriber yet.
    unheard::log_warning(&advice(algorithm.crates(), took));
}

/// By the work and not by the clock alone: high costs are a choice, and no optimiser helps.
fn is_slow(algorithm: &dyn Algorithm, work: u64, took: Duration) -> bool {
    took >= BEARABLE
        && took >= algorithm.unoptimised().saturating_mul(u32::try_from(work).unwrap_or(u32::MAX))
}

fn advice(crates: &[&str], took: Duration) -> String {
    let mut text = format!(
        "a password hash took {} ms, because this build does not optimise the crates that compute it. \
         In the Cargo.toml of the workspace:\n",
        took.as_millis()
    );
    for name in crates {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[profile.dev.package.{name}]\nopt-level = 3\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::algorithm::Recipe;
    use super::super::{Argon2Cost, Format};
    use super::*;

    const CHILD: &str = "AUTH_TEST_SLOW_HASH";

    fn argon2() -> Recipe {
        Format::argon2(Argon2Cost::MINIMUM).recipe
    }

    /// What an unoptimised Argon2 takes is slow; what an optimised one takes is not, nor one at higher costs.
    #[test]
    fn slow_is_what_was_not_optimised() {
        let recipe = argon2();
        let (algorithm, work) = (recipe.algorithm(), recipe.algorithm().work(8));
        let table = [(30, 1, false), (140, 1, false), (600, 1, true), (1_000, 1, true), (600, 10, false)];
        for (millis, times, slow) in table {
            let took = Duration::from_millis(millis);
            assert_eq!(
                is_slow(algorithm, work * times, took),
                slow,
                "{millis} ms at {times} times the costs"
            );
        }
    }

    /// Two slow hashes in a process of its own, whose standard error is read: `IS_TOLD` is the whole process'.
    fn child(with_subscriber: &str) -> String {
        let name = "password::slow::tests::the_child_hashes_slowly";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env(CHILD, with_subscriber);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    const LINES: &str =
        "\n[profile.dev.package.argon2]\nopt-level = 3\n\n[profile.dev.package.blake2]\nopt-level = 3\n";

    #[test]
    fn a_slow_build_says_once_what_makes_it_quicker() {
        let told = child("no");
        assert_eq!(told.matches("a password hash took 900 ms").count(), 1, "{told}");
        assert!(told.contains(LINES), "{told}");
        assert!(!told.contains("WARN"), "{told}");
    }

    #[test]
    fn a_subscriber_is_told_instead() {
        let told = child("yes");
        assert_eq!(told.matches("a password hash took 900 ms").count(), 1, "{told}");
        assert!(told.contains("WARN auth") && told.contains("[profile.dev.package.blake2]"), "{told}");
    }

    /// The child of the tests above; alone it does nothing.
    #[test]
    fn the_child_hashes_slowly() {
        let Some(with_subscriber) = std::env::var_os(CHILD) else { return };
        if with_subscriber == "yes" {
            tracing::subscriber::set_global_default(Printed).unwrap();
        }
        let recipe = argon2();
        for _ in 0..2 {
            look(recipe.algorithm(), recipe.algorithm().work(8), Duration::from_millis(900));
        }
    }

    /// A subscriber that prints level, target and message.
    struct Printed;

    impl tracing::Subscriber for Printed {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let metadata = event.metadata();
            event.record(&mut |_: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                eprintln!("{} {}: {value:?}", metadata.level(), metadata.target());
            });
        }

        fn enter(&self, _: &tracing::span::Id) {}

        fn exit(&self, _: &tracing::span::Id) {}
    }
}
