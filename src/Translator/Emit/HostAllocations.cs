using System.Runtime.InteropServices;

namespace Lguest.Jit.Translator.Emit;

/// <summary>Native memory that translated code has addresses of. It belongs to the region, which frees it, or to a compilation that failed, and then that does.</summary>
internal static unsafe class HostAllocations
{
    [ThreadStatic]
    private static long s_live;

    /// <summary>Pieces that this thread has taken and not given back; what other threads do is not seen. For tests.</summary>
    public static long LiveHere => s_live;

    /// <summary>Takes a piece, contents undefined.</summary>
    /// <param name="bytes">At least 1.</param>
    /// <param name="alignment">A power of two.</param>
    /// <exception cref="OutOfMemoryException">There is none left.</exception>
    public static void* Take(nuint bytes, nuint alignment)
    {
        void* memory = NativeMemory.AlignedAlloc(bytes, alignment);
        s_live++;
        return memory;
    }

    /// <summary>Gives all of them back, and empties the list.</summary>
    public static void Free(List<nint> pieces)
    {
        foreach (nint piece in pieces)
        {
            NativeMemory.AlignedFree((void*)piece);
        }

        s_live -= pieces.Count;
        pieces.Clear();
    }
}
