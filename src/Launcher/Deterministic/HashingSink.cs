using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Deterministic;

/// <summary>Console output on its way: counted, hashed (FNV-1a, 64 bits), and passed on at once, or when it has been confirmed, or never.</summary>
/// <param name="inner">Where it goes; null: nowhere.</param>
/// <param name="holds">Keep it until <see cref="Release"/>.</param>
internal sealed class HashingSink(IConsoleSink? inner, bool holds = false) : IConsoleSink
{
    private const ulong Prime = 0x100000001B3;

    private readonly List<byte> _held = [];
    private ulong _hash = 0xCBF29CE484222325;
    private long _count;

    /// <summary>Bytes so far.</summary>
    public long Count => _count;

    public ulong Hash => _hash;

    /// <inheritdoc/>
    public bool Write(ReadOnlySpan<byte> bytes)
    {
        _count += bytes.Length;
        foreach (byte b in bytes)
        {
            _hash = (_hash ^ b) * Prime;
        }

        if (inner is null)
        {
            return true;
        }

        if (!holds)
        {
            return inner.Write(bytes);
        }

        _held.AddRange(bytes);
        return true;
    }

    /// <summary>What is held goes on its way.</summary>
    public void Release()
    {
        _ = inner?.Write(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_held));
        _held.Clear();
    }

    /// <summary>What is held was never printed: the Guest went back to where it was at the last release.</summary>
    public void Forget() => _held.Clear();

    public void ExchangeState(StateArchive archive)
    {
        archive.Field(ref _hash);
        archive.Field(ref _count);
    }
}
