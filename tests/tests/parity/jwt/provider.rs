//! A real provider: its tokens, its keys that change, and what it says of tokens that say nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::BearerToken;
use auth_core::backend::Provisioned;
use auth_core::http::Bearer;
use auth_core::time::{Clock, ManualClock, SystemClock};
use auth_http::{IdentityShape, Introspection};
use auth_jwt::{Issuer, Jwt};
use integration_tests::client::{Adapter, Client, over};
use integration_tests::expected::personal;
use integration_tests::issuer::{AUDIENCE, PATIENCE, access_token, discovered, endpoint};
use integration_tests::world::Setup;
use test_servers::Provider;

use super::{People, me, refused, with_backend};

const OPAQUE: &str = "https://opaque.example.com";
const MOMENT: Duration = Duration::from_millis(5);

/// A provider, and a site that takes its tokens: new for each adapter.
struct Story {
    provider: Provider,
    clock: Arc<ManualClock>,
}

impl Story {
    async fn on_each(script: impl AsyncFn(&mut Self, &Client<'_>)) {
        for adapter in Adapter::ALL {
            let provider = Provider::signing_by("first");
            let story = Self { provider, clock: Arc::new(ManualClock::at(SystemClock.now())) };
            let world = story.setup().await.world().await;
            world.clock.set(story.clock.now());
            let site = adapter.site(&world).await;
            let story = tokio::sync::Mutex::new(story);
            let run = async |client: Client<'_>| script(&mut *story.lock().await, &client).await;
            over(&world, &*site, &run).await;
        }
    }

    /// Signed tokens by its keys, and others by asking it.
    async fn setup(&self) -> Setup {
        let url = self.provider.url();
        let jwt = Jwt::builder().clock(Arc::clone(&self.clock)).issuer(discovered(&url));
        let jwt = jwt.build().await.expect("the provider is right");
        let (id, secret) = Provider::SITE;
        let asked = endpoint(&format!("{url}/token/introspection")).client(id, secret);
        let introspection = Introspection::builder(asked, url.as_str()).audience(OPAQUE);
        let introspection =
            introspection.identity(IdentityShape::new("/client_id")).clock(Arc::clone(&self.clock));
        let introspection = introspection.build().expect("it is right");
        Setup::default().basic(None).configure(move |auth| {
            let bearer = Bearer::new("tests").expect("a plain realm").allow_cleartext();
            let asked = Provisioned { verifier: introspection.clone(), users: People::default() };
            with_backend(auth, jwt.clone())
                .backend::<BearerToken>("asked", asked)
                .scheme(bearer)
                .login_page("/login")
        })
    }

    async fn token(&self, resource: &str) -> String {
        access_token(&self.provider, resource).await
    }

    /// Other tasks go on meanwhile: connections that end are to be noticed before they are used again.
    fn rotate(&mut self, keys: &[&str]) {
        tokio::task::block_in_place(|| self.provider.rotate(keys));
    }

    /// How often it was asked for its keys since it was started.
    fn fetches(&self) -> usize {
        self.provider.log().matches("GET /jwks").count()
    }

    fn wait(&self, client: &Client<'_>, time: Duration) {
        self.clock.advance(time);
        client.world.clock.advance(time);
    }

    async fn opens(&self, client: &Client<'_>, token: &str) -> bool {
        let found = me(client, token).await;
        let expected = personal(&format!("100 service of {}", self.provider.url()));
        assert!(found.status != 200 || found == expected, "{}: {found:?}", client.site());
        found == expected
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_tokens_open_what_they_are_for() {
    Story::on_each(async |story, client| {
        let good = story.token(AUDIENCE).await;
        assert_eq!(good.matches('.').count(), 2, "it is a signed one");
        assert!(story.opens(client, &good).await && story.opens(client, &good).await, "{}", client.site());
        let other = story.token("https://other.example.com").await;
        assert_eq!(me(client, &other).await, refused(), "another audience");
        let (message, _) = good.rsplit_once('.').expect("three parts");
        let (_, signature) = other.rsplit_once('.').expect("three parts");
        assert_eq!(
            me(client, &format!("{message}.{signature}")).await,
            refused(),
            "another token's signature"
        );
        assert_eq!(story.fetches(), 1);
        assert!(!story.provider.log().contains("introspection"), "what it signed is judged here alone");
    })
    .await;
}

/// RFC 7662.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_about_opaque_tokens() {
    Story::on_each(async |story, client| {
        let good = story.token(OPAQUE).await;
        assert!(!good.contains('.'), "it says nothing");
        assert!(story.opens(client, &good).await, "{}", client.site());
        let other = story.token("https://other.opaque.example.com").await;
        assert_eq!(me(client, &other).await, refused(), "another audience");
        assert_eq!(me(client, &format!("{good}x")).await, refused(), "none that it knows");
        assert_eq!(me(client, "unknown").await, refused());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_with_overlap() {
    Story::on_each(async |story, client| {
        let old = story.token(AUDIENCE).await;
        assert!(story.opens(client, &old).await);
        story.rotate(&["second", "first"]);
        let new = story.token(AUDIENCE).await;
        assert_eq!(me(client, &new).await.status, 503, "keys were fetched a moment ago");
        story.wait(client, Issuer::FETCH_INTERVAL);
        for _ in 0..3 {
            assert!(story.opens(client, &new).await && story.opens(client, &old).await, "{}", client.site());
        }
        assert_eq!(story.fetches(), 1, "one since it was started again");
    })
    .await;
}

/// A key that was withdrawn is good until keys are fetched again, which is when they are too old, or when a token by a
/// new one comes.
#[tokio::test(flavor = "multi_thread")]
async fn rotation_without_overlap() {
    Story::on_each(async |story, client| {
        let first = story.token(AUDIENCE).await;
        story.rotate(&["second"]);
        story.wait(client, Issuer::FETCH_EVERY.saturating_sub(MOMENT));
        assert!(story.opens(client, &first).await, "{}: for a while", client.site());
        assert_eq!(story.fetches(), 0);
        story.wait(client, MOMENT);
        let deadline = Instant::now() + PATIENCE;
        while story.opens(client, &first).await {
            assert!(Instant::now() < deadline, "{}: it is good for ever", client.site());
            tokio::time::sleep(MOMENT).await;
        }
        story.wait(client, Issuer::FETCH_INTERVAL);
        assert_eq!(me(client, &first).await, refused(), "{}", client.site());
        let second = story.token(AUDIENCE).await;
        assert!(story.opens(client, &second).await, "{}", client.site());
        // At once, by the first token that needs it.
        story.rotate(&["third"]);
        let third = story.token(AUDIENCE).await;
        story.wait(client, Issuer::FETCH_INTERVAL);
        assert!(story.opens(client, &third).await, "{}: after one fetch", client.site());
        assert_eq!(story.fetches(), 1);
        assert!(!story.opens(client, &second).await, "{}", client.site());
        story.wait(client, Issuer::FETCH_INTERVAL);
        assert_eq!(me(client, &second).await, refused(), "{}", client.site());
    })
    .await;
}
