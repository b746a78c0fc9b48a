using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.State;

/// <summary>What SYSENTER and SYSEXIT go by.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FastSystemCallState
{
    /// <summary>The user has asked for them (<c>--sysenter</c>): CPUID says SEP. Else all of them are #GP(0).</summary>
    public int Enabled;

    /// <summary>LGUEST_INIT has been made: there is a word to disable interrupts in.</summary>
    public int Initialised;

    /// <summary>IA32_SYSENTER_CS, MSR 0x174; a null selector forbids both instructions.</summary>
    public uint Cs;

    /// <summary>IA32_SYSENTER_ESP, MSR 0x175.</summary>
    public uint Esp;

    /// <summary>IA32_SYSENTER_EIP, MSR 0x176.</summary>
    public uint Eip;
}
