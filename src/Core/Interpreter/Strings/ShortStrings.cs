using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Strings;

/// <summary>
/// REP MOVS and REP STOS as kernels have them a dozen times in a system call: flat, forwards, some dozens of bytes, within a page on each side. For translated
/// code, which keeps its registers where they are meanwhile.
/// </summary>
/// <remarks>
/// Invariant: a range that lies within one page whose entry in the soft TLB is not 0 is Guest RAM, readable or writable and free of code at the current
/// privilege, as for <see cref="Tlb"/>. Each method makes sure of that for all of a range before it touches anything.
/// </remarks>
internal static unsafe class ShortStrings
{
    private const uint PageSize = 0x1000;

    /// <summary>Copies, where source and target do not overlap.</summary>
    /// <param name="cpu">Its tables and DF.</param>
    /// <param name="source">Linear address.</param>
    /// <param name="target">Linear address.</param>
    /// <param name="elements">How many, from 1 up.</param>
    /// <param name="shift">log2 of the bytes of one.</param>
    /// <returns>False: it is not that simple, and nothing has changed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMove(GuestCpu* cpu, uint source, uint target, uint elements, int shift)
    {
        ulong from = cpu->ReadTable[source >> 12];
        ulong to = cpu->WriteTable[target >> 12];
        uint bytes = elements << shift;
        uint last = PageSize - bytes;
        if (from == 0 || to == 0 || elements > PageSize || (cpu->SystemFlags & Eflags.Direction) != 0
            || bytes > PageSize || (source & (PageSize - 1)) > last || (target & (PageSize - 1)) > last)
        {
            return false;
        }

        var read = (byte*)(from + source);
        var write = (byte*)(to + target);
        if ((ulong)(write - read) < bytes || (ulong)(read - write) < bytes)
        {
            return false;
        }

        if (bytes >= 32)
        {
            // The last 32 may have been copied in part before: source and target have nothing in common.
            for (uint i = 0; i < bytes - 32; i += 32)
            {
                Vector256.Load(read + i).Store(write + i);
            }

            Vector256.Load(read + bytes - 32).Store(write + bytes - 32);
        }
        else if (bytes >= 8)
        {
            for (uint i = 0; i < bytes - 8; i += 8)
            {
                Unsafe.WriteUnaligned(write + i, Unsafe.ReadUnaligned<ulong>(read + i));
            }

            Unsafe.WriteUnaligned(write + bytes - 8, Unsafe.ReadUnaligned<ulong>(read + bytes - 8));
        }
        else
        {
            for (uint i = 0; i < bytes; i++)
            {
                write[i] = read[i];
            }
        }

        return true;
    }

    /// <summary>Fills with doublewords.</summary>
    /// <param name="cpu">Its tables and DF.</param>
    /// <param name="value">EAX.</param>
    /// <param name="target">Linear address.</param>
    /// <param name="elements">How many, from 1 up.</param>
    /// <returns>False: it is not that simple, and nothing has changed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryFill(GuestCpu* cpu, uint value, uint target, uint elements)
    {
        ulong to = cpu->WriteTable[target >> 12];
        uint bytes = elements * 4;
        if (to == 0 || elements > PageSize / 4 || (cpu->SystemFlags & Eflags.Direction) != 0 || (target & (PageSize - 1)) > PageSize - bytes)
        {
            return false;
        }

        var write = (byte*)(to + target);
        if (bytes >= 32)
        {
            Vector256<uint> values = Vector256.Create(value);
            for (uint i = 0; i < bytes - 32; i += 32)
            {
                values.AsByte().Store(write + i);
            }

            values.AsByte().Store(write + bytes - 32);
        }
        else
        {
            for (uint i = 0; i < bytes; i += 4)
            {
                Unsafe.WriteUnaligned(write + i, value);
            }
        }

        return true;
    }
}
