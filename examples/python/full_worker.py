"""A worker that does all that a worker can. full_worker.py ADDRESS CLIENT QUEUE [CREDIT]

Its tasks are texts `MS WORDS`: it takes so many milliseconds, in ten steps, and answers WORDS in capitals; `MS fail` fails.
SIGTERM: it takes nothing new, finishes what runs, and ends with 0.
"""

import signal
import sys
import time

from contact_worker import Worker


def handle(task):
    ms, _, words = task.payload.decode().partition(" ")
    # What an earlier attempt has done is not done again.
    first = int(task.checkpoint or b"0")
    for step in range(first, 10):
        task.progress(step / 10, f"step {step}")
        # Waits, unless the task is cancelled, has run out of time or is no longer ours: then it raises, and we stop.
        task.sleep(int(ms) / 10_000)
        task.save_checkpoint(b"%d" % (step + 1))
    task.log(f"{words} has taken {ms} ms", "warn" if first else "info")
    if words == "fail":
        raise ValueError("it was told to fail")
    return words.upper().encode()


def main(address, client, queue, credit="4"):
    worker = Worker(address, client, [queue], handle, credit=int(credit), say=lambda *words: print(*words, flush=True))
    signal.signal(signal.SIGTERM, lambda *_: worker.leave())
    began = time.monotonic()
    worker.run()
    print("left after", round(time.monotonic() - began), "s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
