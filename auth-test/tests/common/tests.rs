//! One list of the scripts for both frameworks.

/// A test of each script, over this framework.
macro_rules! scripts {
    ($framework:ty, $($test:tt)+) => {
        scripts! { @each $framework, [$($test)+],
            a_layer_signs_somebody_in,
            a_visitor_is_anonymous,
            rules_hold_under_a_layer,
            permissions_are_the_users,
            a_program_is_bound_by_its_scopes,
            extractors_ask_for_proofs,
            a_layer_holds_a_real_session,
            a_logout_under_a_layer_ends_it,
            a_layers_clock_is_the_tests,
            a_layers_cookie_is_worth_nothing_elsewhere,
            whatever_a_client_sends_it_stays_anonymous,
            without_a_layer_it_is_an_error,
            sign_in_is_as_after_a_login,
            sign_in_ends_by_logout,
            an_old_login_is_refused_where_a_fresh_one_is_needed,
            the_policy_of_second_factors_holds,
            a_failing_store_is_no_logout,
            a_store_that_hangs_is_given_up,
            a_backend_is_scripted,
            users_change_between_requests,
            a_denial_is_scripted,
            a_client_logs_in_by_the_form,
            a_policy_of_second_factors_holds_under_a_layer,
            requests_come_from_an_address,
            pages_of_other_sites_change_nothing,
            an_origin_may_be_named,
            programs_and_scripts_send_json,
            redirects_are_followed_as_browsers_do,
            the_client_speaks_tls,
        }
    };
    (@each $framework:ty, $test:tt, $($name:ident),* $(,)?) => {
        $(scripts! { @one $framework, $test, $name })*
    };
    (@one $framework:ty, [$($test:tt)+], $name:ident) => {
        #[$($test)+]
        async fn $name() {
            crate::common::scripts::$name::<$framework>().await;
        }
    };
}
