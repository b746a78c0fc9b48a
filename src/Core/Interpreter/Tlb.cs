using System.Runtime.CompilerServices;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// The inline half of memory access: one look-up in the page-indexed tables. Null sends the access to
/// <see cref="Memory.ColdAccess"/>.
/// </summary>
/// <remarks>
/// Invariant: a non-zero entry + any address of its page is a byte of Guest RAM, readable (ReadTable) or writable and
/// free of code (WriteTable) at the current privilege; so the pointer is good for <c>Bytes</c> bytes as long as they do
/// not cross the page, which is checked here.
/// </remarks>
internal static unsafe class Tlb
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Read<TWidth>(GuestCpu* cpu, uint address)
        where TWidth : struct, IWidth => Look<TWidth>(cpu->ReadTable, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Write<TWidth>(GuestCpu* cpu, uint address)
        where TWidth : struct, IWidth => Look<TWidth>(cpu->WriteTable, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Look<TWidth>(ulong* table, uint address)
        where TWidth : struct, IWidth
    {
        ulong entry = table[address >> 12];
        if (entry == 0 || (TWidth.Bytes > 1 && (address & 0xFFF) > 0x1000 - (uint)TWidth.Bytes))
        {
            return null;
        }

        return (byte*)(entry + address);
    }
}
