using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Console;

/// <summary>
/// Guest output on its way to the Host's stdout: every byte, in order, nothing else (design §12.12). A thread of its own
/// does the writing, because stdout may be a pipe whose reader has gone for lunch: then the Guest waits for room here,
/// where a time limit or a signal can still reach it, and not inside a system call.
/// </summary>
internal sealed class ConsoleOutput : IConsoleSink
{
    /// <summary>How long the rest of the output may take once a stop was asked for.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private const int ChunkBytes = 32 * 1024;

    private readonly object _gate = new();
    private readonly Stream _stream;
    private readonly byte[] _ring;
    private int _head;

    // Bytes not yet handed to the stream, plus those the stream is working on.
    private int _count;
    private int _inFlight;
    private bool _abandoned;
    private bool _closed;

    /// <param name="stream">The Host's stdout; written by one background thread.</param>
    /// <param name="capacity">Bytes that may wait.</param>
    public ConsoleOutput(Stream stream, int capacity = 256 * 1024)
    {
        _stream = stream;
        _ring = new byte[capacity];
        new Thread(WriteOut) { IsBackground = true, Name = "console output" }.Start();
    }

    /// <summary>Why stdout does not take any more (disk full); null while it does. All later output is lost.</summary>
    public string? Failure { get; private set; }

    /// <summary>Called once, on the writer's thread, when <see cref="Failure"/> is set.</summary>
    public Action? Failed { get; set; }

    /// <inheritdoc/>
    /// <remarks>After <see cref="Abandon"/> what there is room for is still taken, but the answer is false.</remarks>
    public bool Write(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            while (!bytes.IsEmpty)
            {
                while (_count == _ring.Length && !_abandoned && Failure is null)
                {
                    Monitor.Wait(_gate);
                }

                int room = Failure is null ? _ring.Length - _count : 0;
                if (room == 0)
                {
                    return false;
                }

                bytes = Store(bytes, Math.Min(room, bytes.Length));
                Monitor.PulseAll(_gate);
            }

            return !_abandoned;
        }
    }

    /// <summary>A stop was asked for: nobody waits for room any more, and <see cref="Drain"/> not for long.</summary>
    public void Abandon()
    {
        lock (_gate)
        {
            _abandoned = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>
    /// Waits until stdout has everything: for ever, unless it fails, or a stop is (or was) asked for, which leaves it one
    /// more second.
    /// </summary>
    /// <returns>False: some output was lost.</returns>
    public bool Drain()
    {
        lock (_gate)
        {
            DateTime deadline = DateTime.MaxValue;
            while (_count + _inFlight > 0 && Failure is null)
            {
                if (_abandoned && deadline == DateTime.MaxValue)
                {
                    deadline = DateTime.UtcNow + Grace;
                }

                TimeSpan left = _abandoned ? deadline - DateTime.UtcNow : Timeout.InfiniteTimeSpan;
                if (_abandoned && left <= TimeSpan.Zero)
                {
                    break;
                }

                Monitor.Wait(_gate, left);
            }

            return _count + _inFlight == 0 && Failure is null;
        }
    }

    /// <summary>Ends the writer's thread, once it has nothing left to write. Nothing is taken afterwards.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }

    private ReadOnlySpan<byte> Store(ReadOnlySpan<byte> bytes, int length)
    {
        int tail = (_head + _count) % _ring.Length;
        int first = Math.Min(length, _ring.Length - tail);
        bytes[..first].CopyTo(_ring.AsSpan(tail));
        bytes[first..length].CopyTo(_ring);
        _count += length;
        return bytes[length..];
    }

    private void WriteOut()
    {
        byte[] chunk = new byte[ChunkBytes];
        while (true)
        {
            int length = NextChunk(chunk);
            if (length == 0)
            {
                return;
            }

            string? failure = null;
            try
            {
                _stream.Write(chunk, 0, length);
                _stream.Flush();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
            {
                failure = e.Message;
            }

            lock (_gate)
            {
                _inFlight = 0;
                Failure = failure;
                Monitor.PulseAll(_gate);
            }

            if (failure is not null)
            {
                Failed?.Invoke();
                return;
            }
        }
    }

    private int NextChunk(byte[] chunk)
    {
        lock (_gate)
        {
            while (_count == 0 && !_closed)
            {
                Monitor.Wait(_gate);
            }

            // As much as lies in one piece: order is all that matters.
            int length = Math.Min(Math.Min(_count, chunk.Length), _ring.Length - _head);
            _ring.AsSpan(_head, length).CopyTo(chunk);
            _head = (_head + length) % _ring.Length;
            _count -= length;
            _inFlight = length;
            Monitor.PulseAll(_gate);
            return length;
        }
    }
}
