namespace Lguest.Jit.Core.Fpu;

/// <summary>The kinds of 80-bit numbers (SDM vol. 1 §4.8.3 and table 8-3).</summary>
internal enum F80Class : byte
{
    Zero,

    /// <summary>Denormals and pseudo-denormals: exponent 0, significand not 0.</summary>
    Denormal,

    Normal,

    Infinity,

    QuietNaN,

    SignallingNaN,

    /// <summary>Unnormals, pseudo-NaNs and pseudo-infinities, which the 8087 had a use for and nobody since.</summary>
    Unsupported,
}
