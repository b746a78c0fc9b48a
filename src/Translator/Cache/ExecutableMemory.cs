using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Translator.Cache;

/// <summary>
/// Machine code of our own making. It is written first and made executable then, and is never both writable and executable.
/// </summary>
/// <remarks>Who holds <see cref="Address"/> has to see to it that nobody calls it after <see cref="Dispose"/>.</remarks>
internal sealed unsafe class ExecutableMemory : IDisposable
{
    private byte* _memory;
    private readonly ulong _bytes;

    private ExecutableMemory(byte* memory, ulong bytes)
    {
        _memory = memory;
        _bytes = bytes;
    }

    /// <summary>Host address of the first byte.</summary>
    public nint Address => (nint)_memory;

    /// <summary>Bytes taken from the Host: whole pages.</summary>
    public long Bytes => (long)_bytes;

    /// <summary>A copy of the code in memory of its own; null if the Host does not let a process make code.</summary>
    public static ExecutableMemory? TryCreate(ReadOnlySpan<byte> code)
    {
        ulong page = (ulong)Environment.SystemPageSize;
        ulong bytes = ((ulong)code.Length + page - 1) / page * page;
        byte* memory = HostMemory.Reserve(bytes, HostPages.Any);
        code.CopyTo(new Span<byte>(memory, code.Length));
        if (HostMemory.TryMakeExecutable(memory, bytes))
        {
            return new ExecutableMemory(memory, bytes);
        }

        HostMemory.Release(memory, bytes);
        return null;
    }

    public void Dispose()
    {
        if (_memory != null)
        {
            HostMemory.Release(_memory, _bytes);
            _memory = null;
        }
    }
}
