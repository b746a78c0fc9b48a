using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// Bytes on their way from the Host's stdin to the Guest, and the size of the terminal if it is one: posted by the reader's thread, taken by the Guest's. Bounded,
/// so that a Guest which never reads makes the reader wait, not the Host grow. Survives a reboot of the Guest.
/// </summary>
internal sealed class ConsoleInputQueue(int capacity = 64 * 1024)
{
    private readonly object _gate = new();
    private readonly byte[] _ring = new byte[capacity];
    private int _head;
    private int _count;
    private bool _closed;
    private TerminalSize? _size;
    private volatile bool _hasNews;
    private volatile Action? _wake;

    /// <summary>Bytes have been posted since <see cref="TakeNews"/> was last called. Any thread.</summary>
    public bool HasNews => _hasNews;

    /// <summary>Called, on the poster's thread, when there is news: gets the Guest thread to look.</summary>
    public Action? Wake
    {
        get => _wake;
        set => _wake = value;
    }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    /// <summary>Queues all bytes, waiting for room as long as it takes.</summary>
    /// <returns>False once <see cref="Close"/> was called: nobody will take them.</returns>
    public bool Post(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int stored = WaitAndStore(bytes);
            if (stored == 0)
            {
                return false;
            }

            bytes = bytes[stored..];
            _hasNews = true;
            _wake?.Invoke();
        }

        return true;
    }

    /// <summary>How large the terminal is now; null: there is none, or it does not say.</summary>
    public TerminalSize? Size
    {
        get
        {
            lock (_gate)
            {
                return _size;
            }
        }
    }

    /// <summary>The terminal has, or has got, this size. Any thread.</summary>
    public void Resize(TerminalSize size)
    {
        lock (_gate)
        {
            _size = size;
        }

        _hasNews = true;
        _wake?.Invoke();
    }

    /// <summary>The last Guest has ended: whoever waits for room goes away.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>To be called before <see cref="Take"/>: what is posted after this is news again.</summary>
    public void TakeNews() => _hasNews = false;

    /// <summary>Takes up to <paramref name="destination"/>.Length bytes; 0 when there are none.</summary>
    public int Take(Span<byte> destination)
    {
        lock (_gate)
        {
            int taken = Math.Min(destination.Length, _count);
            for (int i = 0; i < taken; i++)
            {
                destination[i] = _ring[_head];
                _head = (_head + 1) % _ring.Length;
            }

            _count -= taken;
            if (taken > 0)
            {
                Monitor.PulseAll(_gate);
            }

            return taken;
        }
    }

    /// <summary>What waits. Only where nobody posts or takes at the moment: in deterministic time.</summary>
    public void ExchangeState(StateArchive archive)
    {
        lock (_gate)
        {
            _hasNews = archive.Value(_hasNews);
            int count = archive.Value(_count);
            byte[] waiting = new byte[count];
            if (!archive.Loading)
            {
                for (int i = 0; i < count; i++)
                {
                    waiting[i] = _ring[(_head + i) % _ring.Length];
                }
            }

            archive.Raw(waiting);
            if (archive.Loading)
            {
                waiting.CopyTo(_ring, 0);
                _head = 0;
                _count = count;
            }
        }
    }

    /// <returns>How many went in; 0 when closed.</returns>
    private int WaitAndStore(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            while (_count == _ring.Length && !_closed)
            {
                Monitor.Wait(_gate);
            }

            int stored = _closed ? 0 : Math.Min(bytes.Length, _ring.Length - _count);
            for (int i = 0; i < stored; i++)
            {
                _ring[(_head + _count + i) % _ring.Length] = bytes[i];
            }

            _count += stored;
            return stored;
        }
    }
}
