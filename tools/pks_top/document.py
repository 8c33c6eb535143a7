# SPDX-License-Identifier: GPL-2.0
"""A sample as JSON. pks-top.schema.json says what may be relied on.

Names are as they are: JSON's own escapes keep them from a terminal.
"""

from dataclasses import asdict
from typing import Any, Optional

from pks_top import parse, tree
from pks_top.tree import Rates, Sample

SCHEMA = 1


def rights_object(rights: parse.Rights) -> dict[str, str]:
    return {str(key): access for key, access in rights.items()}


def status_object(sample: Sample) -> Optional[dict[str, Any]]:
    status = sample.status
    if not status:
        return None
    off = {"time": sample.status_time, "on": status.on,
           "reason": status.reason or None}
    if not status.on:
        return off
    return off | {
        "cpus": {"on": status.cpus_on, "online": status.cpus_online},
        "default_pkrs": status.default,
        "resets": status.resets,
        "threads": {"records": status.records, "holding": status.holding},
        "irq_isolation": status.isolation,
        "not_isolated": status.not_isolated,
        "fault_hook": status.fault_hook,
        "audit": status.audit,
        "policy": status.policy,
        "tampering": {"pkrs": status.tampered_pkrs,
                      "cr4": status.tampered_cr4},
    }


def policy_object(policy: Optional[parse.Policy]) -> Optional[dict[str, Any]]:
    if not policy:
        return None
    return {"policy": policy.policy, "handler": policy.handler,
            "reads": policy.reads, "writes": policy.writes,
            "outcomes": policy.outcomes, "abandoned": policy.abandoned}


def key_object(sample: Sample, rates: Rates, key: parse.Key) -> dict[str, Any]:
    domain = tree.domain_of(sample, key.key)
    return {
        "key": key.key,
        "default": key.default,
        "flags": key.flags,
        "users": [asdict(user) for user in key.users],
        "domain": domain.name if domain else None,
        "policy": policy_object((sample.policies or {}).get(key.key)),
        "violations": tree.counted(sample, key.key),
        "violations_per_s": rates.violations(key.key),
    }


def memory_object(memory: Optional[parse.Memory]) -> Optional[dict[str, Any]]:
    if not memory:
        return None
    return {
        "pages": memory.pages,
        "used": memory.used,
        "lost": memory.lost,
        "owners": memory.owners,
        "chunks": {"large": memory.large, "small": memory.small,
                   "empty": memory.empty},
        "splits": memory.splits,
        "areas": [{"kind": kind, "pages": pages}
                  for kind, pages in memory.areas],
        "caches": [asdict(cache) for cache in memory.caches],
    }


def domain_object(sample: Sample, rates: Rates,
                  domain: parse.Domain) -> dict[str, Any]:
    stats = sample.stats.get(domain.name)
    return {
        "name": domain.name,
        "key": domain.key or None,
        "owner": domain.owner,
        "others": domain.others,
        "used_kib": domain.used_kib,
        "kib": domain.kib,
        "violations": domain.violations,
        "scopes": stats.scopes if stats else None,
        "scopes_per_s": rates.stat(domain.name, "scopes"),
        "writes": stats.writes if stats else None,
        "writes_per_s": rates.stat(domain.name, "writes"),
        "bytes": stats.bytes if stats else None,
        "memory": memory_object(sample.memory.get(domain.name)),
    }


def cpu_object(cpu: parse.Cpu) -> dict[str, Any]:
    return {"cpu": cpu.cpu, "cr4_pks": cpu.on, "word": cpu.word,
            "msr": cpu.msr, "mismatch": cpu.mismatch, "held": cpu.held,
            "rights": rights_object(cpu.rights)}


def thread_object(thread: parse.Thread) -> dict[str, Any]:
    return asdict(thread) | {"rights": rights_object(thread.rights)}


def fault_object(fault: parse.Fault) -> dict[str, Any]:
    made = asdict(fault)
    del made["report"]
    return made


def faults_object(faults: Optional[parse.Faults]) -> Optional[dict[str, Any]]:
    if not faults:
        return None
    return asdict(faults) | {
        "last": [fault_object(fault) for fault in faults.last]}


def listed(rows: Optional[list[Any]], each: Any) -> Optional[list[Any]]:
    return None if rows is None else [each(row) for row in rows]


def document(sample: Sample, rates: Rates) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "time": sample.time,
        "seconds": rates.seconds if rates.before else None,
        "status": status_object(sample),
        "keys": listed(sample.keys,
                       lambda row: key_object(sample, rates, row)),
        "domains": listed(sample.domains,
                          lambda row: domain_object(sample, rates, row)),
        "cpus": listed(sample.cpus, cpu_object),
        "threads": listed(sample.threads, thread_object),
        "faults": faults_object(sample.faults),
        "problems": [asdict(problem) for problem in sample.problems],
    }
