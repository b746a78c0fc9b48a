using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Lguest.Jit.Launcher.Net;

/// <summary>
/// Frames on their way between a link's thread and the Guest's: one side puts, the other takes, and neither needs a lock.
/// Each frame stands behind its length, four bytes, high one first. That is how QEMU's stream protocol has it, so a socket's
/// bytes go in and out as they are.
/// </summary>
/// <remarks>
/// The Guest's thread never waits here. The link's does: for room to put what it received, or for something to send.
/// </remarks>
/// <param name="capacity">Bytes; a power of two.</param>
[SuppressMessage("Design", "CA1001", Justification = "When one side is done the other may be about to set the event: its handle goes with the ring.")]
internal sealed class FrameRing(int capacity = FrameRing.DefaultCapacity)
{
    /// <summary>Bytes of the length before each frame.</summary>
    public const int Prefix = 4;

    /// <summary>As large as a second-level cache likes it.</summary>
    public const int DefaultCapacity = 1 << 20;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(capacity, pinned: true);
    private readonly AutoResetEvent _moved = new(initialState: false);

    // Bytes put and taken since the beginning. Each is written by one side only.
    private long _put;
    private long _taken;
    private int _waiting;
    private volatile bool _closed;

    /// <summary>Bytes that can be taken. Exact for the taker; the putter may find fewer a moment later.</summary>
    public int Count => (int)(Volatile.Read(ref _put) - Volatile.Read(ref _taken));

    /// <summary>Bytes that can be put.</summary>
    public int Free => capacity - Count;

    /// <summary>Nobody waits any more.</summary>
    public bool Closed => _closed;

    /// <summary>The putter's next bytes, as far as they lie in one piece; may be empty.</summary>
    public Span<byte> Room
    {
        get
        {
            int at = (int)Volatile.Read(ref _put) & (capacity - 1);
            return _bytes.AsSpan(at, Math.Min(Free, capacity - at));
        }
    }

    /// <summary>The taker's next bytes, as far as they lie in one piece; may be empty.</summary>
    public ReadOnlySpan<byte> Filled
    {
        get
        {
            int at = (int)Volatile.Read(ref _taken) & (capacity - 1);
            return _bytes.AsSpan(at, Math.Min(Count, capacity - at));
        }
    }

    /// <summary>Putter: copies into the room, <paramref name="offset"/> bytes from its start; it is there only after <see cref="Put"/>.</summary>
    public void Store(int offset, ReadOnlySpan<byte> source)
    {
        int at = (int)(Volatile.Read(ref _put) + offset) & (capacity - 1);
        int first = Math.Min(source.Length, capacity - at);
        source[..first].CopyTo(_bytes.AsSpan(at));
        source[first..].CopyTo(_bytes);
    }

    /// <summary>Putter: the length of a frame that begins behind it.</summary>
    public void StorePrefix(int offset, int length)
    {
        Span<byte> prefix = stackalloc byte[Prefix];
        BinaryPrimitives.WriteInt32BigEndian(prefix, length);
        Store(offset, prefix);
    }

    /// <summary>Putter: bytes of the room from <paramref name="offset"/> on, as far as they lie in one piece. Whether they are free is another question.</summary>
    public Span<byte> RoomFrom(int offset, int length)
    {
        int at = (int)(Volatile.Read(ref _put) + offset) & (capacity - 1);
        return _bytes.AsSpan(at, Math.Min(length, capacity - at));
    }

    /// <summary>Taker: bytes from <paramref name="offset"/> on, as far as they lie in one piece.</summary>
    public ReadOnlySpan<byte> Peek(int offset, int length)
    {
        int at = (int)(Volatile.Read(ref _taken) + offset) & (capacity - 1);
        return _bytes.AsSpan(at, Math.Min(length, capacity - at));
    }

    /// <summary>Taker: copies bytes out, wherever they lie.</summary>
    public void Copy(int offset, Span<byte> destination)
    {
        ReadOnlySpan<byte> first = Peek(offset, destination.Length);
        first.CopyTo(destination);
        Peek(offset + first.Length, destination.Length - first.Length).CopyTo(destination[first.Length..]);
    }

    /// <summary>Taker: is there a length, and what does it say? Whether the frame behind it is complete is another question.</summary>
    public bool TryPeekLength(out uint length)
    {
        Span<byte> prefix = stackalloc byte[Prefix];
        length = 0;
        if (Count < Prefix)
        {
            return false;
        }

        Copy(0, prefix);
        length = BinaryPrimitives.ReadUInt32BigEndian(prefix);
        return true;
    }

    /// <summary>Taker: how many bytes the next frames take with their lengths, as many whole ones as <paramref name="most"/> holds, but one at least.</summary>
    /// <returns>0: there is none, or not all of it yet.</returns>
    public int WholeFrames(int most)
    {
        Span<byte> prefix = stackalloc byte[Prefix];
        int count = Count;
        int frames = 0;
        while (frames + Prefix <= count)
        {
            Copy(frames, prefix);
            long end = (long)frames + Prefix + BinaryPrimitives.ReadUInt32BigEndian(prefix);
            if (end > count || (end > most && frames > 0))
            {
                break;
            }

            frames = (int)end;
        }

        return frames;
    }

    /// <summary>Putter: so many bytes of the room are there now.</summary>
    public void Put(int count) => Move(ref _put, count);

    /// <summary>Taker: so many bytes are done with.</summary>
    public void Take(int count) => Move(ref _taken, count);

    /// <summary>Link's thread, putting: waits for so many bytes of room.</summary>
    /// <returns>False: closed.</returns>
    public bool WaitForRoom(int bytes)
    {
        while (Free < bytes && !_closed)
        {
            Sleep(bytes, room: true);
        }

        return !_closed;
    }

    /// <summary>Link's thread, taking: waits for anything at all.</summary>
    /// <returns>False: closed.</returns>
    public bool WaitForFilled()
    {
        while (Count == 0 && !_closed)
        {
            Sleep(1, room: false);
        }

        return !_closed;
    }

    /// <summary>The link ends: whoever waits goes away.</summary>
    public void Close()
    {
        _closed = true;
        _ = _moved.Set();
    }

    private void Move(ref long end, int count)
    {
        Volatile.Write(ref end, end + count);

        // The other side says that it sleeps before it looks, we move before we ask whether it sleeps: one sees the other.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _waiting) != 0 && Interlocked.Exchange(ref _waiting, 0) != 0)
        {
            _ = _moved.Set();
        }
    }

    private void Sleep(int bytes, bool room)
    {
        _ = Interlocked.Exchange(ref _waiting, 1);
        if ((room ? Free : Count) < bytes && !_closed)
        {
            _ = _moved.WaitOne();
        }

        Volatile.Write(ref _waiting, 0);
    }
}
