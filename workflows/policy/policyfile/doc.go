// Package policyfile reads a policy from YAML and says everything that is wrong with the text at once, each fault
// with its line.
//
// The form of a file, with the keys that may be left out in brackets:
//
//	name: wishpost-face-verification
//	version: 1
//	zone: Asia/Shanghai                  # answers write their instants in it; it is no default for instants here
//	actions: [login, create_label]
//	rules:
//	  - id: existing-individuals
//	    cohort:                          # {} covers every account
//	      [kind]: individual             # one, or a list
//	      [region]: CN                   # one, or a list
//	      [registered]: {[from]: instant, [before]: instant}
//	    require: verified
//	    phases:
//	      - from: 2020-11-17T00:00:00+08:00
//	        stage: announced             # optional, announced, enforced
//	        [effects]: {login: prompt}   # allow, prompt, block; an action that is not named is allowed
//	    [grace]: {bound: 7d, [lead]: 48h}
//	    mode: enforce                    # or observe
//	    [valid_for]: 365d
//	    [reminders]:
//	      [before]: [14d, 3d, 1d]        # before the deadline
//	      [after]: {every: 7d, times: 4}
//	      quiet: {from: "21:00", until: "09:00"} # equal ones: no quiet hours
//	      [jitter]: 30m
//	      per_second: 50
//	[correction]: {mode: once, [from]: instant, [before]: instant}
//	[review]: {[approve]: automatic, [minimum_age]: 18, [duplicate_number]: reviewer}
//
// An instant is written as in RFC 3339 with its offset, never as a local time: a date that means another moment
// on another reader's clock is the fault that this product exists to prevent. A duration is a number of days, 7d,
// or a Go duration, 36h. Without correction only support corrects; without review, or a part of it, a reviewer
// decides, and the minimum age is 18.
//
// A file is at most MaxSize bytes of UTF-8 and one YAML document. Anchors, aliases, merge keys and tags are
// refused: a policy has no use for them, and they let a small file grow into a big one or read as another.
package policyfile
