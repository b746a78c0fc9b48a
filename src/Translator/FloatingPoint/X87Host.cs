using System.Runtime.InteropServices;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// The Host's own x87 unit. Nobody else in this process uses it (.NET computes with SSE), so between thunks its stack is empty and its control
/// word is what the thread was born with; both are left that way.
/// </summary>
internal static unsafe class X87Host
{
    /// <summary>mov rax, rdi or rcx is not needed: two functions without arguments. Status word, then (at 16) control word by way of the stack.</summary>
    private static readonly byte[] s_code =
    [
        // fnstsw ax; ret
        0xDF, 0xE0, 0xC3, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC,

        // push rax; fnstcw [rsp]; pop rax; ret
        0x50, 0xD9, 0x3C, 0x24, 0x58, 0xC3,
    ];

    /// <summary>Null: this Host has no x87, or does not let us make code.</summary>
    private static readonly ExecutableMemory? s_memory =
        RuntimeInformation.ProcessArchitecture == Architecture.X64 ? ExecutableMemory.TryCreate(s_code) : null;

    /// <summary>Can thunks be used here?</summary>
    public static bool IsThere => s_memory != null;

    /// <summary>The control word that .NET's threads have: 0x37F on Unix, 0x27F on Windows.</summary>
    public static ushort ControlWord { get; } = s_memory == null ? (ushort)0 : (ushort)((delegate* unmanaged[SuppressGCTransition]<uint>)(s_memory.Address + 16))();

    /// <summary>
    /// Notes which exceptions stand in this thread's status word (<see cref="Core.Fpu.FpuThunkState.HostFlags"/>). To be called whenever the Guest
    /// may have come to another thread, or the thread may have been elsewhere.
    /// </summary>
    public static void NoteFlags(GuestCpu* cpu)
    {
        if (s_memory != null)
        {
            cpu->FpuThunks.HostFlags = ((delegate* unmanaged[SuppressGCTransition]<uint>)s_memory.Address)() & 0x3F;
        }
    }

    /// <summary>Calls a thunk.</summary>
    /// <returns>0 if it has done nothing, because a register is empty that it needs, or the other way round; otherwise as <see cref="X87Replay.Run"/>.</returns>
    public static uint Call(GuestCpu* cpu, nint thunk) => ((delegate* unmanaged[SuppressGCTransition]<GuestCpu*, uint>)thunk)(cpu);
}
