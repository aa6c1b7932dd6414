//! Clients that send anything at all: no byte, no header, no reset and no crowd kills a filter, and
//! the next request is served.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper::header::HeaderValue;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sallyport_tests::cases::{HOST, Kind};
use sallyport_tests::envoy::{Binary, CURRENT};
use sallyport_tests::failures::{Failures, get, unharmed};
use sallyport_tests::http1::{Connection, Request, Response};
use sallyport_tests::idp::{Endpoint, Fault};
use sallyport_tests::parts::Parts;
use sallyport_tests::stage::{Setup, Stage, Way};
use sallyport_tests::{Result, limits};
use tokio::net::TcpStream;

const SECONDS: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_send_anything() {
    let mut setup =
        Setup::quickstart(Parts::find().unwrap(), Binary::locate(CURRENT).await.unwrap());
    setup.concurrency = 4;
    let stage = Stage::open(setup).await.unwrap();
    let mut failures = Failures::default();
    cold_crowd(&stage, &mut failures).await.unwrap();
    let token = Kind::Rs256.mint(&stage.idp).unwrap();
    for (name, bytes, allowed) in hostile(&token) {
        for way in [Way::Ask, Way::ExtAuthz, Way::Grpc, Way::Http] {
            let count = stage.echo.count();
            let status = raw(&stage, way, &bytes).await;
            let what = format!("{name}, {} {}", way.topology(), way.transport());
            if !allowed.contains(&status) {
                failures.push(format!("{what}: {status}, none of {allowed:?}"));
            }
            let seen = stage.echo.count().saturating_sub(count);
            failures.same(&format!("{what}, upstream"), seen, u64::from(status == 200));
        }
    }
    over_http2(&stage, &token, &mut failures).await.unwrap();
    resets(&stage, &token, &mut failures).await.unwrap();
    for way in [Way::Ask, Way::ExtAuthz, Way::Grpc, Way::Http] {
        let answer = get(&stage, way, "/clusters/c", &token).await;
        failures.answer("the next request", answer, 200, "");
    }
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    assert_eq!(failures.report(), None);
}

/// A thousand at once on four cold workers: all are judged, and keys are fetched once. Most of them
/// are denied by scope, which takes a verified token, and spares the upstream.
async fn cold_crowd(stage: &Stage, failures: &mut Failures) -> Result<()> {
    let good = Kind::Rs256.mint(&stage.idp)?;
    let denied = Kind::NoScope.mint(&stage.idp)?;
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = h2(stage, Way::Ask).await?;
        for number in 0..100 {
            let (token, status) = if number < 10 { (&good, 200) } else { (&denied, 403) };
            let request = h2_get(&format!("/orders/{number}"), token.as_bytes())?;
            let mut client = client.clone();
            sends.spawn(async move { (client.send_request(request).await, status) });
        }
    }
    let mut wrong = std::collections::BTreeMap::new();
    for (answer, status) in sends.join_all().await {
        let actual = match answer {
            Ok(answer) if answer.status().as_u16() == status => continue,
            Ok(answer) => {
                let status = answer.status();
                let body = answer.into_body().collect().await.map(|body| body.to_bytes());
                format!("{status} {:.60}", String::from_utf8_lossy(&body.unwrap_or_default()))
            }
            Err(error) => error.to_string(),
        };
        let what = format!("one of a cold crowd: {actual}, not {status}");
        let count = wrong.entry(what).or_insert(0_u32);
        *count = count.saturating_add(1);
    }
    for (what, count) in wrong {
        failures.push(format!("{count} x {what}"));
    }
    let fetched = "wasmcustom.sallyport.jwks_fetches.ok";
    failures.same("fetches", stage.envoy.wait_stat(fetched, 1, limits::COUNTED).await?, 1);
    // The sidecar's own is the second.
    failures.same("fetches at the provider", stage.idp.count(Endpoint::Jwks) <= 2, true);
    Ok(())
}

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

async fn h2(stage: &Stage, way: Way) -> Result<http2::SendRequest<Body>> {
    let stream = TcpStream::connect(("127.0.0.1", stage.port(way)?)).await?;
    let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn h2_get(path: &str, token: &[u8]) -> Result<hyper::Request<Body>> {
    let credential = HeaderValue::from_bytes(&[b"Bearer ", token].concat())?;
    let request = hyper::Request::get(format!("http://{HOST}{path}"));
    Ok(request.header("authorization", credential).body(Body::default())?)
}

/// The same kinds of things over HTTP/2, with trailers, and with streams that are reset.
async fn over_http2(stage: &Stage, token: &str, failures: &mut Failures) -> Result<()> {
    for way in [Way::Ask, Way::ExtAuthz, Way::Grpc, Way::Http] {
        let name = format!("HTTP/2, {} {}", way.topology(), way.transport());
        let mut client = h2(stage, way).await?;
        let mut bytes = h2_get("/orders/o", token.as_bytes())?;
        for name in ["x-user", "x-other", "cookie"] {
            bytes.headers_mut().append(name, HeaderValue::from_bytes(b"\xff\x80")?);
            bytes.headers_mut().append(name, HeaderValue::from_static(""));
        }
        let trailers = hyper::HeaderMap::from_iter([(
            hyper::header::HeaderName::from_static("x-user"),
            HeaderValue::from_bytes(b"mallory\xff")?,
        )]);
        let frames = [Frame::data(Bytes::from_static(b"{}")), Frame::trailers(trailers)];
        let frames = tokio_stream::iter(frames.map(Ok::<_, Infallible>));
        let note = hyper::Request::post(format!("http://{HOST}/notes"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(StreamBody::new(frames).boxed())?;
        let requests = [
            ("bytes", bytes, 200),
            ("bytes in a credential", h2_get("/orders/o", b"\xff\xfe")?, 401),
            ("trailers", note, 200),
        ];
        for (what, request, status) in requests {
            let answer = client.send_request(request).await.map(|it| it.status().as_u16());
            failures.same(&format!("{name}, {what}"), answer.unwrap_or(0), status);
        }
        stage.idp.fault(Endpoint::Introspection, Fault::Delay(Duration::from_millis(100)));
        for number in 0..20 {
            let opaque = Kind::Opaque.mint(&stage.idp)?;
            let request = h2_get(&format!("/reports/{number}"), opaque.as_bytes())?;
            let sent = client.send_request(request);
            // Dropped on its way: the stream is reset while the question is asked.
            drop(tokio::time::timeout(Duration::from_millis(2), sent).await);
        }
        stage.idp.heal();
        let answer = client.send_request(h2_get("/orders/o", token.as_bytes())?).await;
        let answer = answer.map(|it| it.status().as_u16());
        failures.same(&format!("{name}, after resets"), answer.unwrap_or(0), 200);
    }
    Ok(())
}

/// Name, bytes, statuses that are fine; 0: the connection was closed without an answer.
fn hostile(token: &str) -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let get = |target: &str| Request::get(HOST, target).header("connection", "close");
    let good = || get("/orders/o").bearer(token);
    let many = |count: usize, name: &str, value: &str| {
        (0..count).fold(good(), |request, _| request.header(name, value))
    };
    let numbered = (0..95).fold(good(), |request, at| request.header(&format!("x-{at}"), "v"));
    let chunked = Request::new("POST", "/notes")
        .header("host", HOST)
        .header("connection", "close")
        .bearer(token)
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked")
        .header("trailer", "x-user");
    vec![
        ("byte in a name", good().header("x-\u{ff}y", "v").bytes(), &[400, 0]),
        ("bytes in a value", good().header("x-other", b"\xff\x80\xc0").bytes(), &[200]),
        ("bytes in an identity header", good().header("x-user", b"\xff\xfe").bytes(), &[200]),
        (
            "bytes in a credential",
            get("/orders/o").header("authorization", b"Bearer \xff\x80").bytes(),
            &[401],
        ),
        (
            "bytes in a path",
            Request::new("GET", b"/orders/\xff\xfe")
                .header("host", HOST)
                .header("connection", "close")
                .bearer(token)
                .bytes(),
            &[400],
        ),
        (
            "bytes in a host",
            Request::get("api\u{ff}.example.com", "/orders/o")
                .header("connection", "close")
                .bearer(token)
                .bytes(),
            &[400],
        ),
        ("NUL in a value", good().header("x-other", b"a\x00b").bytes(), &[400]),
        (
            "NUL in a credential",
            get("/orders/o").header("authorization", b"Bearer a\x00b").bytes(),
            &[400],
        ),
        (
            "empty values",
            good().header("x-empty", "").header("x-user", "").header("cookie", "").bytes(),
            &[200],
        ),
        (
            "no host",
            Request::new("GET", "/orders/o").bearer(token).header("connection", "close").bytes(),
            &[400],
        ),
        (
            "empty host",
            Request::get("", "/orders/o").bearer(token).header("connection", "close").bytes(),
            &[400],
        ),
        (
            "asterisk",
            Request::new("OPTIONS", "*").header("host", HOST).header("connection", "close").bytes(),
            &[400, 404],
        ),
        ("absolute form", good_absolute(token), &[200]),
        ("80 copies of an identity header", many(80, "x-user", "mallory").bytes(), &[200]),
        ("200 copies of a header", many(200, "x-many", "v").bytes(), &[431, 400]),
        // Envoy adds some of its own, and stops at 100.
        ("95 headers", numbered.bytes(), &[431, 500]),
        ("long path", get(&format!("/orders/{}", "a".repeat(9_000))).bearer(token).bytes(), &[400]),
        (
            "many segments",
            get(&format!("/orders{}", "/a".repeat(1_000))).bearer(token).bytes(),
            &[400],
        ),
        (
            "many escapes",
            get(&format!("/orders/{}", "%25".repeat(2_000))).bearer(token).bytes(),
            &[200],
        ),
        ("50 KiB token", get("/orders/o").bearer(&"a".repeat(50 << 10)).bytes(), &[401]),
        ("60 KiB token", get("/orders/o").bearer(&"a".repeat(60 << 10)).bytes(), &[431]),
        ("token of dots", get("/orders/o").bearer(&".".repeat(16_000)).bytes(), &[401]),
        ("deep JSON in a token", get("/orders/o").bearer(&deep_token()).bytes(), &[401]),
        (
            "trailers",
            chunked.unframed_body("2\r\n{}\r\n0\r\nx-user: mallory\r\n\r\n").bytes(),
            &[200],
        ),
        ("upgrade", good().header("upgrade", "websocket").bytes(), &[403, 200]),
        ("junk", b"\x16\x03\x01 hello\r\n\r\n".to_vec(), &[400, 0]),
    ]
}

fn good_absolute(token: &str) -> Vec<u8> {
    Request::get(HOST, format!("http://{HOST}/orders/o"))
        .header("connection", "close")
        .bearer(token)
        .bytes()
}

/// A header of ten thousand open brackets.
fn deep_token() -> String {
    use base64::Engine as _;
    let deep = format!("{{\"alg\":\"RS256\",\"x\":{}", "[".repeat(10_000));
    let part = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(deep);
    format!("{part}.{part}.AAAA")
}

/// The status of the answer to these bytes; 0 when there is none.
async fn raw(stage: &Stage, way: Way, bytes: &[u8]) -> u16 {
    let send = async {
        let port = stage.port(way)?;
        let mut connection = Connection::open(([127, 0, 0, 1], port).into()).await?;
        connection.send_bytes(bytes, SECONDS).await
    };
    let answer: Result<Response> = send.await;
    answer.map_or(0, |response| response.status)
}

/// Clients that leave in the middle of a question, an upstream that leaves, and a body without end.
async fn resets(stage: &Stage, token: &str, failures: &mut Failures) -> Result<()> {
    use tokio::io::AsyncWriteExt as _;
    for way in [Way::Ask, Way::ExtAuthz] {
        let port = stage.port(way)?;
        for number in 0..50 {
            let request = Request::get(HOST, format!("/reports/{number}"));
            let token = Kind::Opaque.mint(&stage.idp)?;
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.write_all(&request.bearer(&token).bytes()).await?;
            drop(stream);
        }
        let endless = Request::new("POST", "/notes")
            .header("host", HOST)
            .bearer(token)
            .header("content-type", "application/json")
            .header("content-length", "1000000")
            .unframed_body(vec![b'x'; 10_000]);
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(&endless.bytes()).await?;
        // Envoy has read it when it answers the next request of the same worker; any will do here.
        failures.answer("beside it", get(stage, way, "/healthz", token).await, 200, "");
        drop(stream);
    }
    stage.echo.stop().await?;
    failures.answer("no upstream", get(stage, Way::Ask, "/orders/o", token).await, 503, "");
    stage.echo.restart().await
}
