//! The tests of this crate, over real databases.

mod api_keys;
mod check;
mod earlier;
mod factors;
mod import;
mod leaks;
mod migrations;
mod missing;
mod moves;
mod names;
mod new_users;
mod odd;
mod once;
mod outages;
mod pgbouncer;
mod provisioning;
mod rehash;
mod remote_user;
mod sessions;
mod support;
mod tables;
mod temporary;
mod throttle;
mod users;

use support::Place;

/// Few tests for each server, since each starts one.
#[test]
fn users_in_postgres() {
    all_about_users(&Place::postgres());
}

#[test]
fn users_in_maria_db() {
    all_about_users(&Place::maria_db());
}

fn all_about_users(place: &Place) {
    check::all(place);
    import::all(place);
    names::all(place);
    new_users::all(place);
    odd::all(place);
    provisioning::all(place);
    rehash::all(place);
    remote_user::all(place);
    tables::all(place);
    temporary::all(place);
    users::all(place);
}

#[test]
fn sessions_in_postgres() {
    let place = Place::postgres();
    all_about_sessions(&place);
    moves::all(&place);
}

#[test]
fn sessions_in_maria_db() {
    all_about_sessions(&Place::maria_db());
}

/// As many set it. Nothing locks what is between rows there, so a statement sees rows come where it has been.
#[test]
fn sessions_in_maria_db_that_reads_what_is_committed() {
    let place = Place::maria_db_with(&["--transaction-isolation=READ-COMMITTED"]);
    moves::all(&place);
    sessions::contract(&place);
    once::contract(&place);
}

/// The same where no statement is prepared for longer than its transaction.
#[test]
fn users_behind_pgbouncer() {
    let place = Place::pgbouncer();
    check::all(&place);
    import::all(&place);
    provisioning::all(&place);
    users::all(&place);
}

#[test]
fn sessions_behind_pgbouncer() {
    let place = Place::pgbouncer();
    sessions::contract(&place);
    throttle::contract(&place);
    api_keys::contract(&place);
    once::contract(&place);
    factors::contract(&place);
    migrations::all(&place);
    moves::all(&place);
}

#[test]
fn factors_in_postgres() {
    factors::all(&Place::postgres());
}

#[test]
fn factors_in_maria_db() {
    factors::all(&Place::maria_db());
}

fn all_about_sessions(place: &Place) {
    earlier::all(place);
    leaks::all(place);
    migrations::all(place);
    missing::all(place);
    sessions::all(place);
    throttle::all(place);
    api_keys::all(place);
    once::all(place);
}
