#!/bin/sh
# The short form of the proofs (make prove).
exec sh "$(dirname "$0")/../prove/run.sh" "${1:?usage: prove.sh BUILD}" short
