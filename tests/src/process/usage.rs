//! What a process has used, from `/proc`.

use crate::Result;

/// User and system time in clock ticks: fields 14 and 15 of proc(5) `stat`.
pub(super) fn cpu_ticks(pid: u32) -> Result<u64> {
    let stat = read(pid, "stat")?;
    ticks_of(&stat).ok_or_else(|| format!("cannot read the times of process {pid}").into())
}

/// `VmRSS` of proc(5) `status`, in KiB.
pub(super) fn resident_kib(pid: u32) -> Result<u64> {
    let status = read(pid, "status")?;
    let found = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = found.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
    number.ok_or_else(|| format!("cannot read the memory of process {pid}").into())
}

fn read(pid: u32, file: &str) -> Result<String> {
    std::fs::read_to_string(format!("/proc/{pid}/{file}"))
        .map_err(|error| format!("process {pid}: {error}").into())
}

fn ticks_of(stat: &str) -> Option<u64> {
    // The second field, the name, may hold spaces and brackets: count from its last bracket.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, &str, Option<u64>)] = &[
        ("plain", "7 (envoy) S 1 7 7 0 -1 4 5 0 6 0 120 30 0 0 20 0 9 0", Some(150)),
        ("odd name", "7 (a) b (c) S 1 7 7 0 -1 4 5 0 6 0 1 2 0 0 20 0 9 0", Some(3)),
        ("short", "7 (envoy) S 1 7", None),
        ("empty", "", None),
    ];

    #[test]
    fn ticks_are_the_sum_of_two_fields() {
        for (name, stat, expected) in CASES {
            assert_eq!(ticks_of(stat), *expected, "{name}");
        }
    }

    #[test]
    fn our_own_process_can_be_read() {
        assert!(cpu_ticks(std::process::id()).is_ok());
        assert!(resident_kib(std::process::id()).unwrap() > 100);
        assert!(cpu_ticks(u32::MAX).is_err());
    }
}
