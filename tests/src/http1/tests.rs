//! The client against canned answers, and what it puts on the wire.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn canned(answer: &[u8]) -> (Connection, DuplexStream, Vec<u8>) {
    let (ours, theirs) = duplex(1 << 20);
    (Connection::over(ours), theirs, answer.to_vec())
}

/// One exchange with a server that sends `answer` and closes.
async fn ask(method: &str, answer: &[u8]) -> Result<Response> {
    let (mut connection, mut server, answer) = canned(answer);
    server.write_all(&answer).await?;
    server.shutdown().await?;
    let response = connection.send(&Request::new(method, "/"), SECOND).await;
    drop(server);
    response
}

/// Name, method, answer, expected status and body; none where it has to be an error.
type Case = (&'static str, &'static str, &'static str, Option<(u16, &'static str)>);

const CASES: &[Case] = &[
    ("length", "GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhix", Some((200, "hi"))),
    ("close", "GET", "HTTP/1.1 403 No\r\n\r\nuntil the end", Some((403, "until the end"))),
    ("no reason", "GET", "HTTP/1.1 401\r\ncontent-length:0\r\n\r\n", Some((401, ""))),
    (
        "chunks",
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nA;x=y\r\n0123456789\r\n0\r\nt: v\r\n\r\n",
        Some((200, "hi0123456789")),
    ),
    ("interim", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 N\r\n\r\n", Some((204, ""))),
    ("head", "HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", Some((200, ""))),
    ("short body", "GET", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", None),
    ("short chunk", "GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", None),
    ("bad chunk", "GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", None),
    ("no http", "GET", "hello\r\n\r\n", None),
    ("nothing", "GET", "", None),
];

#[tokio::test]
async fn responses_end_where_they_should() {
    for (name, method, answer, expected) in CASES {
        let got = ask(method, answer.as_bytes()).await;
        match expected {
            Some((status, body)) => {
                let got = got.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!((got.status, got.text().as_str()), (*status, *body), "{name}");
            }
            None => assert!(got.is_err(), "{name}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn duplicates_order_and_bytes_stay() {
    let (mut connection, mut server, answer) = canned(
        b"HTTP/1.1 200 OK\r\nA: 1\r\nset-cookie: \xff\r\na:  2 \r\ncontent-length: 0\r\n\r\n",
    );
    server.write_all(&answer).await.unwrap();
    let request = Request::new("GET", b"//a/../b\\%zz\xff")
        .header("X-Two", "1")
        .header("Host", "h")
        .header("x-two", b"\xfe")
        .body("hi");
    let response = connection.send(&request, SECOND).await.unwrap();
    assert_eq!(response.header("a"), Some("1"));
    assert_eq!(response.header_count("A"), 2);
    assert_eq!(response.header("set-cookie"), None);
    let expected: &[(&str, &[u8])] =
        &[("A", b"1"), ("set-cookie", b"\xff"), ("a", b"2"), ("content-length", b"0")];
    let got: Vec<(&str, &[u8])> =
        response.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    assert_eq!(got, expected);

    let sent = b"GET //a/../b\\%zz\xff HTTP/1.1\r\nX-Two: 1\r\nHost: h\r\nx-two: \xfe\r\ncontent-length: 2\r\n\r\nhi";
    let mut wire = vec![0; sent.len()];
    server.read_exact(&mut wire).await.unwrap();
    assert_eq!(wire, sent);
}

#[tokio::test]
async fn a_kept_connection_takes_the_next_response() {
    let (mut connection, mut server, answer) = canned(
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 201 OK\r\ncontent-length: 1\r\n\r\nb",
    );
    server.write_all(&answer).await.unwrap();
    let request = Request::get("h", "/");
    for (status, body) in [(200, "a"), (201, "b")] {
        let response = connection.send(&request, SECOND).await.unwrap();
        assert_eq!((response.status, response.text().as_str()), (status, body));
    }
}

#[tokio::test]
async fn a_silent_server_meets_the_deadline() {
    let (mut connection, _server, _) = canned(b"");
    let error = connection.send(&Request::get("h", "/"), Duration::from_millis(20)).await;
    assert!(error.unwrap_err().to_string().contains("20ms"));
}
