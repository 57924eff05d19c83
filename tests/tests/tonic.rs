//! `auth-tower` around a tonic service, asked by a tonic client over a socket, and the callers of gRPC.
#![allow(missing_docs)]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use auth_core::Require;
use auth_tower::{AuthLayer, CurrentUser, EmptyBody, RequireLayer};
use axum::http;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BufMut};
use integration_tests::accounts::Account;
use integration_tests::faults::Mode;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, Setup, World};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::LayerExt;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Response, Status};
use tower::{Service, ServiceBuilder};

/// Messages that are text as it is: no protocol compiler is needed for a name.
#[derive(Clone, Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// Answers every call with its caller's name.
#[derive(Clone)]
struct Names;

impl NamedService for Names {
    const NAME: &'static str = "tests.Names";
}

impl UnaryService<String> for Names {
    type Response = String;
    type Future = Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: tonic::Request<String>) -> Self::Future {
        let user = request.extensions().get::<CurrentUser<Account>>();
        let name = user.map_or("anonymous", |user| &user.name);
        ready(Ok(Response::new(format!("{} from {name}", request.get_ref()))))
    }
}

impl Service<http::Request<Body>> for Names {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(Text).unary(Names, request).await) })
    }
}

/// Serves the names, guarded by `rule`, on a free port.
async fn serve(world: &World, rule: Option<Require>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().layer(AuthLayer::new(world.auth.clone()).respond(EmptyBody));
    let incoming = TcpIncoming::from(listener);
    match rule {
        Some(rule) => {
            let guard = RequireLayer::new(rule).respond(EmptyBody);
            let guarded = ServiceBuilder::new().layer(guard).named_layer(Names);
            tokio::spawn(server.clone().add_service(guarded).serve_with_incoming(incoming));
        }
        None => _ = tokio::spawn(server.clone().add_service(Names).serve_with_incoming(incoming)),
    }
    address
}

/// Calls with these metadata; the answer, or the status.
async fn call(address: SocketAddr, metadata: &[(&'static str, String)]) -> Result<String, Status> {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let mut request = tonic::Request::new("hello".to_owned());
    for (name, value) in metadata {
        request.metadata_mut().append(*name, MetadataValue::try_from(value.as_str()).unwrap());
    }
    let path = http::uri::PathAndQuery::from_static("/tests.Names/Say");
    client.unary(request, path, Text).await.map(Response::into_inner)
}

fn basic(username: &str, password: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
}

async fn session(world: &World) -> String {
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    let token = Tower::new(world).send(login).await.token().unwrap();
    format!("__Host-session={token}")
}

fn is_not_cacheable(metadata: &MetadataMap) -> bool {
    metadata.get("cache-control").is_some_and(|value| value == "no-store")
}

#[tokio::test]
async fn refusals_arrive_as_grpc_status() {
    let world = Setup::default().world().await;
    let address = serve(&world, Some(Require::permission("editors"))).await;
    let cookie = session(&world).await;
    let bearer = ("authorization", "Bearer x".to_owned());
    let table = [
        ("nobody", vec![], Err(Code::Unauthenticated)),
        ("wrong password", vec![basic("alice", BOB)], Err(Code::Unauthenticated)),
        ("another scheme", vec![bearer.clone()], Err(Code::Unauthenticated)),
        ("a cookie does not help", vec![bearer, ("cookie", cookie.clone())], Err(Code::Unauthenticated)),
        ("twice", vec![basic("alice", ALICE), basic("alice", ALICE)], Err(Code::InvalidArgument)),
        ("not allowed", vec![basic("bob", BOB)], Err(Code::PermissionDenied)),
        ("Basic", vec![basic("alice", ALICE)], Ok("hello from alice")),
        ("session", vec![("cookie", cookie.clone())], Ok("hello from alice")),
    ];
    for (name, metadata, expected) in table {
        let answer = call(address, &metadata).await;
        if let Err(status) = &answer {
            assert!(is_not_cacheable(status.metadata()), "{name}: {status:?}");
            assert!(!status.message().is_empty(), "{name}");
        }
        assert_eq!(answer.map_err(|status| status.code()), expected.map(str::to_owned), "{name}");
    }
    world.store.reads.set(Mode::Fails);
    let status = call(address, &[("cookie", cookie.clone())]).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    world.store.reads.set(Mode::Works);
    assert_eq!(call(address, &[("cookie", cookie)]).await.unwrap(), "hello from alice");
}

#[tokio::test]
async fn an_open_service_sees_its_caller_too() {
    let world = Setup::default().world().await;
    let address = serve(&world, None).await;
    assert_eq!(call(address, &[]).await.unwrap(), "hello from anonymous");
    assert_eq!(call(address, &[basic("bob", BOB)]).await.unwrap(), "hello from bob");
    world.users.judging.set(Mode::Fails);
    let status = call(address, &[basic("alice", ALICE)]).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "an outage is not anonymous");
}

/// RFC 9113 §8.2.3: HTTP/2 clients may send each cookie in a line of its own.
#[tokio::test]
async fn cookies_in_lines_of_their_own() {
    let world = Setup::default().world().await;
    let address = serve(&world, None).await;
    let cookie = session(&world).await;
    let lines = |with: &str| {
        vec![("cookie", "a=b".to_owned()), ("cookie", cookie.clone()), ("cookie", with.to_owned())]
    };
    assert_eq!(call(address, &lines("c=d")).await.unwrap(), "hello from alice");
    assert_eq!(call(address, &lines("__Host-session=x")).await.unwrap(), "hello from anonymous");
}
