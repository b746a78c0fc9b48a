using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>Memory for decoded blocks: handed out from front to back, taken back all at once.</summary>
internal sealed unsafe class BlockArena : IDisposable
{
    private readonly byte* _base;
    private readonly int _capacity;
    private int _used;

    /// <param name="capacity">Bytes that it has at most; only those that have been handed out cost the Host anything, give or take a huge page.</param>
    public BlockArena(int capacity)
    {
        _capacity = capacity;
        _base = HostMemory.Reserve((ulong)capacity, HostPages.Huge);
    }

    /// <summary>The next <paramref name="size"/> bytes, whatever was in them; null: they are all gone.</summary>
    public byte* Take(int size)
    {
        if (size > _capacity - _used)
        {
            return null;
        }

        byte* memory = _base + _used;
        _used += size;
        return memory;
    }

    /// <summary>Nobody uses any of it any more.</summary>
    public void Empty() => _used = 0;

    public void Dispose() => HostMemory.Release(_base, (ulong)_capacity);
}
