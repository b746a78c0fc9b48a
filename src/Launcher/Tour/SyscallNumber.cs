namespace Lguest.Jit.Launcher.Tour;

/// <summary>The tour kernel's system calls: number in eax.</summary>
internal enum SyscallNumber
{
    /// <summary>Back to the chapter that started the program.</summary>
    Exit = 0,

    /// <summary>Reports a step. ebx: title.</summary>
    Report = 1,

    /// <summary>
    /// Announces a trap of ring 3. ebx: vector, ecx: error code, edx: saved eip, esi: where to go on, edi: title, ebp: saved
    /// EFLAGS; for a page fault the address is at the top of the user's stack.
    /// </summary>
    Provoke = 2,

    /// <summary>Fails the tour. ebx: actual, ecx: expected, edx: what.</summary>
    Fail = 3,

    /// <summary>eax = the kernel's variable at virtual address ebx.</summary>
    Peek = 4,

    /// <summary>LOAD_TLS of three segments: ebx: base of the first; the second ends after 16 bytes; the third is absent.</summary>
    SetTls = 5,
}
