//! Children made of shell scripts: ready lines, ends, and that none is left behind.

use super::*;
use crate::wait;

const SECONDS: Duration = Duration::from_secs(5);

fn shell(script: &str) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Process::spawn("script", command).unwrap()
}

fn alive(pid: u32) -> bool {
    // A zombie does not run any more.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_ready_line_on_either_stream() {
    for script in ["echo one; echo ready 8080; exec sleep 60", "echo ready 8080 >&2; exec sleep 60"]
    {
        let mut process = shell(script);
        let line = process.wait_ready_line("ready ", SECONDS).await.unwrap();
        assert_eq!(line, "ready 8080");
        // Also when it was said before the call.
        process.wait_ready_line("ready ", SECONDS).await.unwrap();
    }
}

#[tokio::test]
async fn no_ready_line() {
    let error = shell("echo oh; exit 3").wait_ready_line("ready", SECONDS).await.unwrap_err();
    assert!(error.to_string().contains("ended") && error.to_string().contains("oh"), "{error}");
    let short = Duration::from_millis(50);
    let error = shell("exec sleep 60").wait_ready_line("ready", short).await.unwrap_err();
    assert!(error.to_string().contains("slow"), "{error}");
}

#[tokio::test]
async fn stop_asks_first() {
    let mut process = shell("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done");
    process.wait_ready_line("up", SECONDS).await.unwrap();
    assert_eq!(process.stop().await.unwrap().code(), Some(7));
    assert_eq!(process.stop().await.unwrap().code(), Some(7), "a second stop changes nothing");
}

#[tokio::test]
async fn kill_does_not_ask() {
    let mut process = shell("trap '' TERM; echo up; while :; do sleep 0.05; done");
    process.wait_ready_line("up", SECONDS).await.unwrap();
    assert_eq!(process.kill().await.unwrap().code(), None);
}

#[tokio::test]
async fn dropping_takes_the_whole_group() {
    let mut process = shell("sleep 60 & echo child $!; wait");
    let line = process.wait_ready_line("child ", SECONDS).await.unwrap();
    let grandchild: u32 = line.strip_prefix("child ").unwrap().parse().unwrap();
    let pid = process.pid();
    assert!(alive(pid) && alive(grandchild));
    drop(process);
    assert!(!alive(pid));
    wait::until(SECONDS, || async move { !alive(grandchild) }).await.unwrap();
}

#[tokio::test]
async fn the_guard_kills_when_its_pipe_closes() {
    // What the kernel does to our end of the pipe when we are killed.
    let mut process = shell("exec sleep 60");
    drop(process.guard.pipe_for_test());
    assert_eq!(process.wait(SECONDS).await.unwrap().code(), None);
}

#[tokio::test]
async fn a_log_file_keeps_the_output() {
    let log = std::env::temp_dir().join(format!("sallyport-process-{}.log", std::process::id()));
    let mut command = Command::new("sh");
    command.args(["-c", "echo one; echo two >&2; exit 4"]);
    let mut process = Process::spawn_logged("script", command, &log).unwrap();
    assert_eq!(process.wait(SECONDS).await.unwrap().code(), Some(4));
    assert_eq!(process.tail(), "one\ntwo");
    assert!(process.wait_ready_line("one", SECONDS).await.is_err());
    std::fs::remove_file(&log).unwrap();
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = Process::spawn("nothing", Command::new("/no/such/program")).unwrap_err();
    assert!(error.to_string().contains("/no/such/program"), "{error}");
}
