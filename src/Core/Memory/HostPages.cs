namespace Lguest.Jit.Core.Memory;

/// <summary>What pages of the Host memory is wanted of.</summary>
internal enum HostPages
{
    /// <summary>As the Host likes it.</summary>
    Any,

    /// <summary>4 KiB: touched here and there, so that a huge page would be wasted on it.</summary>
    Small,

    /// <summary>
    /// 2 MiB where the Host has them: touched all over, by somebody whose every access would else wait for a walk of the Host's page tables, twice as
    /// long where the Host is a virtual machine itself.
    /// </summary>
    Huge,
}
