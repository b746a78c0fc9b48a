using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;

namespace Lguest.Jit.Core.Memory;

/// <summary>
/// Guest-physical memory: [0, <see cref="Size"/>) is RAM, all of it, as lguest's Launcher lays it out. One contiguous
/// Host mapping that never moves. Everything that is not the CPU itself (hypercalls, devices, the loader) comes in
/// through the checked methods here.
/// </summary>
/// <remarks>Writes are announced to <see cref="WriteObserver"/>, because a device may overwrite translated code.</remarks>
internal sealed unsafe class GuestRam : IDisposable
{
    /// <summary>Smallest and largest RAM: 2 MiB, and what keeps the device region clear of the lguest Switcher area.</summary>
    public const uint MinimumSize = 2u << 20;
    public const uint MaximumSize = 3u << 30;
    public const int PageSize = 4096;

    private byte* _base;

    /// <exception cref="ArgumentOutOfRangeException">Not a multiple of 4 KiB between the two limits.</exception>
    public GuestRam(uint size)
    {
        if (size is < MinimumSize or > MaximumSize || size % PageSize != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(size));
        }

        Size = size;
        _base = HostMemory.Reserve(size, HostPages.Huge);
    }

    /// <summary>Bytes of RAM; <c>pfn_limit</c> × 4096.</summary>
    public uint Size { get; }

    /// <summary>Host address of guest-physical 0. For the MMU only: no check stands behind it.</summary>
    public byte* Base => _base;

    /// <summary>Told of every write by <see cref="TryWrite"/> and friends, with its physical address and length.</summary>
    public ICodeWriteObserver? WriteObserver { get; set; }

    /// <summary>Told of every page before it is written; null: nobody keeps track.</summary>
    public DirtyPages? Dirty { get; set; }

    /// <summary>lguest_address_ok: the range lies in RAM and does not wrap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(uint physical, uint length) => (ulong)physical + length <= Size;

    public bool Contains(ulong physical, ulong length) => physical <= Size && length <= Size - physical;

    /// <summary>Copies out of RAM; false (and nothing copied) when any byte is outside.</summary>
    public bool TryRead(uint physical, Span<byte> destination)
    {
        if (!Contains(physical, (uint)destination.Length))
        {
            return false;
        }

        new ReadOnlySpan<byte>(_base + physical, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>Copies into RAM; false (and nothing written) when any byte is outside.</summary>
    public bool TryWrite(uint physical, ReadOnlySpan<byte> source)
    {
        if (!Contains(physical, (uint)source.Length))
        {
            return false;
        }

        Dirty?.Mark(physical, (uint)source.Length);
        source.CopyTo(new Span<byte>(_base + physical, source.Length));
        WriteObserver?.NotifyWrite(physical, (uint)source.Length);
        return true;
    }

    public bool TryRead32(uint physical, out uint value)
    {
        value = 0;
        if (!Contains(physical, 4))
        {
            return false;
        }

        value = Unsafe.ReadUnaligned<uint>(_base + physical);
        return true;
    }

    public bool TryWrite32(uint physical, uint value)
    {
        if (!Contains(physical, 4))
        {
            return false;
        }

        Dirty?.Mark(physical, 4);
        Unsafe.WriteUnaligned(_base + physical, value);
        WriteObserver?.NotifyWrite(physical, 4);
        return true;
    }

    /// <summary>
    /// A window into RAM for devices that fill buffers themselves; the caller announces the write afterwards. It is taken to be
    /// written at once: nobody keeps it.
    /// </summary>
    /// <returns>An empty span when any byte is outside RAM.</returns>
    public Span<byte> Window(uint physical, uint length)
    {
        if (!Contains(physical, length) || length > int.MaxValue)
        {
            return default;
        }

        Dirty?.Mark(physical, length);
        return new Span<byte>(_base + physical, (int)length);
    }

    /// <summary>Somebody else, a device's thread or the Host's kernel, has written these bytes, all in RAM. Guest thread only.</summary>
    public void AnnounceWrite(uint physical, uint length) => WriteObserver?.NotifyWrite(physical, length);

    /// <summary>A window that is only read; empty when any byte is outside RAM.</summary>
    public ReadOnlySpan<byte> View(uint physical, uint length) =>
        Contains(physical, length) && length <= int.MaxValue ? new ReadOnlySpan<byte>(_base + physical, (int)length) : default;

    public void Dispose()
    {
        if (_base != null)
        {
            HostMemory.Release(_base, Size);
            _base = null;
        }
    }
}
