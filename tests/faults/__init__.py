"""What goes wrong in the world, on purpose: real processes and sockets, and what must be true afterwards.

========================================  ==================================================================
fault                                     where it is tested
========================================  ==================================================================
server dies mid-run                       test_network.py; a server of our own: targets/test_served.py
network cut (seconds instead of ten)      test_network.py: waited out, and with little patience
wall clock stepped                        test_clocks.py: during a run, and in the middle of a stream
child killed with -9                      test_processes.py (with its children), targets/test_isolated.py,
                                          run/test_trials.py, targets/test_served.py
child killed by the out-of-memory killer  test_processes.py (the plan's limit), targets/test_isolated.py
child hung                                test_processes.py (SIGSTOP, with its children); deaf, or stuck in C
                                          code: targets/test_isolated.py; in a run: run/test_trials.py
parent killed with -9                     test_processes.py: worker, sampler, truth server, served engine, and
                                          the command itself; resumed also in run/test_execute.py
disk full                                 test_disk.py: the command on a small disk, and under a quota; the
                                          store: store/test_sql.py, run/test_execute.py, store/test_bundle.py
suspend                                   meters/test_host.py: seen by the gap between two clocks
1,000 connection errors in a row          test_network.py
usage that contradicts the client's       test_usage.py; the rules: targets/test_counting.py
========================================  ==================================================================
"""
